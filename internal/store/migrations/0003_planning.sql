-- A plan is written if the run is still at the revision that it was made from.
alter table runs add column revision bigint not null default 0;
create index runs_requested on runs (id) where status = 'requested';
