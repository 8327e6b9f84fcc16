-- +goose Up
DROP TABLE hints;
