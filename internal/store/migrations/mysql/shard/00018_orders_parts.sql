-- +goose Up
ALTER TABLE orders
  ADD COLUMN recipient MEDIUMBLOB, -- parts of the personal data, sealed like personal
  ADD COLUMN payer MEDIUMBLOB,
  ADD COLUMN shared MEDIUMBLOB,
  ADD COLUMN expires VARBINARY(8) NOT NULL DEFAULT '', -- ISO week with which the sealed parts age out; empty: there are none
  ADD COLUMN number VARBINARY(128) NOT NULL DEFAULT ''; -- what the merchant and the buyer call the order
