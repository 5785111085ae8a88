-- A plan is written if the run is still at the revision that it was made from.
alter table runs add column revision bigint not null default 0;
create index runs_requested on runs (id) where status = 'requested';

-- What a job waits for before runners may have it, as text: see actions.Wait.
alter table jobs add column wait text not null default '';
update jobs set wait = 'max-parallel' where held = 1;
drop index jobs_queue;
drop index jobs_queue_owner;
drop index jobs_queue_repo;
drop index jobs_queued;
alter table jobs drop column held;
create index jobs_queue on jobs (label_set_id, id) where status = 'queued' and wait = '';
create index jobs_queue_owner on jobs (owner_id, label_set_id, id) where status = 'queued' and wait = '';
create index jobs_queue_repo on jobs (repo_id, label_set_id, id) where status = 'queued' and wait = '';
create index jobs_queued on jobs (queued_at) where status = 'queued' and wait = '';

-- The jobs that call the workflow of this one, outermost first, with slashes.
alter table jobs add column path text not null default '';
