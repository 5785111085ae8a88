-- Runners that were deleted, by their OAuth clients: their processes are told so, and
-- delete their configuration. Those that are not known here are not.
create table deleted_runners (
  client_id  text primary key,
  expires_at bigint not null
);
create index deleted_runners_expiry on deleted_runners (expires_at);

-- By which signed URLs know an object: its number is given out again when older data is
-- put back.
alter table objects add column guid text not null default '';
update objects set guid = cast(random() as text);
