-- Runs of what came from a fork: they get no secrets.
alter table runs add column from_fork bigint not null default 0;

-- Where the server was reached when the event came; empty for a run that was made before
-- that was kept, whose payload says it.
alter table run_sources add column base text not null default '';

-- A large payload is kept once, for all runs of its event.
alter table run_sources add column payload_text {{bytes}} references texts (hash);
create index run_sources_payload_text on run_sources (payload_text);

-- An intent may be an event, other than a push, that has happened and waits for its runs.
alter table pushes add column event text not null default ''; -- JSON; empty for a push
alter table pushes add column payload {{bytes}};              -- of the event; empty for one that is to be made

-- What the file of a workflow names below on, on the default branch: " push schedule ". It
-- is empty for a row that was made before that was kept: then any event may start it.
alter table workflows add column events text not null default '';
