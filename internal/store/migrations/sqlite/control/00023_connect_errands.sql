-- +goose Up
CREATE TABLE connect_errands (
  connection_id TEXT NOT NULL,
  epoch INTEGER NOT NULL, -- of the lease under which the call was intended
  generation INTEGER NOT NULL, -- of the pair that it spends
  sealed_key BLOB NOT NULL, -- seals the answer
  begun_at INTEGER NOT NULL, -- by the clock of the database; 0: nobody has sent it
  answer BLOB, -- sealed
  PRIMARY KEY (connection_id, epoch)
) WITHOUT ROWID;
