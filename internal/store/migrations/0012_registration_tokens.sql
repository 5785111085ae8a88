-- A token to add or remove runners ends with the token that it was made with.
alter table registration_tokens add column parent_id bigint references tokens (id) on delete cascade;
create index registration_tokens_parent on registration_tokens (parent_id) where parent_id is not null;

-- Jobs that were ended by force: their runners are told when they ask next.
create index jobs_cancelled on jobs (runner_id, id) where status = 'completed' and cancel_at <> 0;
