-- The control database lives on the first shard's server; it is small.
CREATE DATABASE hub_control;
GRANT ALL ON hub_control.* TO 'hub'@'%';
