package wire_test

// exampleJob is the example of the protocol reference: two scripts and an
// action. Times and empty members are left out as this package does.
const exampleJob = `{
 "messageType":"RunnerJobRequest",
 "plan":{"scopeIdentifier":"00000000-0000-0000-0000-000000000000","planType":"actions","version":12,
         "planId":"7d3a1c5e-8a2b-4c0e-9f10-1a2b3c4d5e6f"},
 "timeline":{"id":"7d3a1c5e-8a2b-4c0e-9f10-1a2b3c4d5e6f","changeId":1},
 "jobId":"2c1b0a99-1111-4222-8333-444455556666",
 "jobDisplayName":"build","jobName":"__default","requestId":0,
 "resources":{"endpoints":[{"name":"SystemVssConnection","url":"https://host/_services/run/42/",
   "authorization":{"scheme":"OAuth","parameters":{"AccessToken":"<JWT>"}},
   "data":{"PipelinesServiceUrl":"https://host/","CacheServerUrl":"https://host/","ResultsServiceUrl":"https://host/",
           "FeedStreamUrl":"wss://host/_services/feed/2c1b0a99-1111-4222-8333-444455556666"},
   "isShared":false,"isReady":true}]},
 "contextData":{
   "github":{"t":2,"d":[
     {"k":"repository","v":"octo/repo"},{"k":"repository_owner","v":"octo"},{"k":"sha","v":"0123…"},
     {"k":"ref","v":"refs/heads/main"},{"k":"ref_name","v":"main"},{"k":"ref_type","v":"branch"},
     {"k":"event_name","v":"push"},{"k":"event","v":{"t":2,"d":[{"k":"after","v":"0123…"}]}},
     {"k":"run_id","v":"42"},{"k":"run_number","v":"1"},{"k":"run_attempt","v":"1"},
     {"k":"actor","v":"mona"},{"k":"workflow","v":"CI"},{"k":"retention_days","v":"90"},
     {"k":"server_url","v":"https://host"},{"k":"api_url","v":"https://host/api/v3"},{"k":"graphql_url","v":"https://host/api/graphql"}]},
   "needs":{"t":2},"matrix":null,"vars":{"t":2},"inputs":{"t":2},
   "strategy":{"t":2,"d":[{"k":"fail-fast","v":true},{"k":"job-index","v":0},{"k":"job-total","v":1},{"k":"max-parallel","v":1}]}},
 "variables":{
   "system.github.job":{"value":"build"},
   "system.github.token":{"value":"ghs_x","isSecret":true},"github_token":{"value":"ghs_x","isSecret":true},
   "system.github.results_endpoint":{"value":"https://host/"},"system.github.launch_endpoint":{"value":"https://host/"},
   "system.runnerGroupName":{"value":"Default"},"DistributedTask.EnhancedAnnotations":{"value":"true"}},
 "mask":[{"type":"regex","value":"ghs_x"}],
 "fileTable":[".github/workflows/ci.yml"],
 "environmentVariables":[{"type":2,"map":[{"key":"GREETING","value":"hi"}]}],
 "defaults":[{"type":2,"map":[{"key":"run","value":{"type":2,"map":[{"key":"shell","value":"sh"}]}}]}],
 "jobOutputs":{"type":2,"map":[{"key":"o1","value":{"type":3,"expr":"steps.first.outputs.val"}}]},
 "steps":[
  {"type":"action","id":"a0000000-0000-0000-0000-000000000001","name":"first","contextName":"first","condition":"success()",
   "reference":{"type":"script"},
   "inputs":{"type":2,"map":[{"key":"script","value":"echo $GREETING; echo val=42 >> $GITHUB_OUTPUT"}]}},
  {"type":"action","id":"a0000000-0000-0000-0000-000000000002","name":"__run","contextName":"__run","displayNameToken":"Second",
   "condition":"success()","continueOnError":false,"timeoutInMinutes":5,"reference":{"type":"script"},
   "environment":{"type":2,"map":[{"key":"X","value":{"type":3,"expr":"github.sha"}}]},
   "inputs":{"type":2,"map":[{"key":"script","value":{"type":3,"expr":"format('echo {0} $X', github.ref)"}},{"key":"shell","value":"sh"}]}},
  {"type":"action","id":"a0000000-0000-0000-0000-000000000003","name":"__octo_hello","contextName":"__octo_hello","condition":"success()",
   "reference":{"type":"repository","name":"octo/hello","ref":"v1","repositoryType":"GitHub"},
   "inputs":{"type":2,"map":[{"key":"who","value":"world"}]}}]
}`
