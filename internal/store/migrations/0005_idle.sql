-- Since when a runner says that it is idle while it holds a job: any server may
-- hear it, and any other that it is busy again.
alter table sessions add column idle_since bigint not null default 0;
