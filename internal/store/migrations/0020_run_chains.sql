-- How many runs the run stands behind, each started by the one before it as workflow_run.
alter table runs add column chain bigint not null default 0;
