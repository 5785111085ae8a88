-- What somebody has set, for the enterprise, an organization or a repository:
-- package settings knows the keys. What is not set has no row.
create table settings (
  scope text not null, -- enterprise, organization, repository
  id    bigint not null, -- of the organization or the repository; 0 for the enterprise
  key   text not null,
  value text not null, -- JSON
  primary key (scope, id, key)
);
insert into settings (scope, id, key, value)
  select 'repository', id, 'retention_days', cast(artifact_days as text) from repositories where artifact_days > 0
  union all select 'repository', id, 'cache_days', cast(cache_days as text) from repositories where cache_days > 0
  union all select 'repository', id, 'cache_bytes', cast(cache_gb * 1073741824 as text) from repositories where cache_gb > 0;
alter table repositories drop column artifact_days;
alter table repositories drop column cache_gb;
alter table repositories drop column cache_days;
