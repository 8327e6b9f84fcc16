-- +goose Up
ALTER TABLE orders ADD COLUMN recipient BLOB; -- parts of the personal data, sealed like personal
ALTER TABLE orders ADD COLUMN payer BLOB;
ALTER TABLE orders ADD COLUMN shared BLOB;
ALTER TABLE orders ADD COLUMN expires TEXT NOT NULL DEFAULT ''; -- ISO week with which the sealed parts age out; empty: there are none
ALTER TABLE orders ADD COLUMN number TEXT NOT NULL DEFAULT ''; -- what the merchant and the buyer call the order
