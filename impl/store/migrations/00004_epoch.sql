-- +goose Up
-- A random text that changes whenever the feed may have lost entries: a program that follows the feed then
-- reads it again from its start. Empty until it is set.
ALTER TABLE refresh_store ADD COLUMN epoch TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE refresh_store DROP COLUMN epoch;
