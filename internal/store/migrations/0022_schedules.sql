-- When workflows of default branches are to start by themselves: a row for each cron line.
create table schedules (
  id       {{id}},
  repo_id  bigint not null references repositories (id) on delete cascade,
  path     text not null, -- workflow file
  cron     text not null,
  timezone text not null,
  actor_id bigint not null references accounts (id), -- who has written the line
  due_at   bigint not null, -- 0 for never
  unique (repo_id, path, cron, timezone)
);
create index schedules_due on schedules (due_at);
create index schedules_actor on schedules (actor_id);
