-- +goose Up
CREATE TABLE connect_errands (
  connection_id VARBINARY(40) NOT NULL,
  epoch BIGINT NOT NULL, -- of the lease under which the call was intended
  generation BIGINT NOT NULL, -- of the pair that it spends
  sealed_key VARBINARY(512) NOT NULL, -- seals the answer
  begun_at BIGINT NOT NULL, -- by the clock of the database; 0: nobody has sent it
  answer MEDIUMBLOB, -- sealed
  PRIMARY KEY (connection_id, epoch)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
