-- How many runs a repository has, so that nobody has to count them. A total is
-- spread over slots, by the id of the run.
create table run_totals (
  repo_id     bigint not null references repositories (id) on delete cascade,
  workflow_id bigint not null,
  conclusion  text not null, -- empty for runs that are not completed
  slot        bigint not null,
  total       bigint not null,
  primary key (repo_id, workflow_id, conclusion, slot)
);
insert into run_totals (repo_id, workflow_id, conclusion, slot, total)
  select repo_id, workflow_id, conclusion, id % 8, count(*) from runs group by repo_id, workflow_id, conclusion, id % 8;

-- Lists are by id.
create index runners_scope on runners (owner_id, repo_id, id);
create index workflows_repo on workflows (repo_id, id);
create index repositories_owner on repositories (owner_id, id);
