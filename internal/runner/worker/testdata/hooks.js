// Container hooks for tests: containers by the engine that CONTAINER_ENGINE names, as GitHub's own hooks do it.
const { execFileSync, spawnSync } = require('child_process');
const fs = require('fs');

const engine = process.env.CONTAINER_ENGINE;
const run = (...args) => execFileSync(engine, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();

// step runs a container, or something in one, and ends with its exit code.
const step = (...args) => {
  const done = spawnSync(engine, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status !== 0) throw new Error(`exit code ${done.status}`);
};

const options = c => [
  ...(c.createOptions ? c.createOptions.split(' ') : []),
  ...(c.portMappings || []).flatMap(p => ['-p', p]),
  ...Object.entries(c.environmentVariables || {}).flatMap(([k, v]) => ['-e', `${k}=${v}`]),
  ...[...c.userMountVolumes, ...c.systemMountVolumes].flatMap(v => ['-v', `${v.sourceVolumePath}:${v.targetVolumePath}${v.readOnly ? ':ro' : ''}`]),
  ...(c.workingDirectory ? ['--workdir', c.workingDirectory] : []),
];

const start = (c, network, entry) => {
  const named = entry.length ? ['--entrypoint', entry[0]] : [];
  const id = run('run', '-d', '--label', 'hooks-of-a-test', '--network', network, ...(c.contextName ? ['--network-alias', c.contextName] : []), ...options(c), ...named, c.image, ...entry.slice(1))
    .split('\n').find(line => /^[0-9a-f]{64}$/.test(line));
  const ports = {};
  for (const line of run('port', id).split('\n')) {
    const m = line.match(/^(\d+)\/\w+ -> .*:(\d+)$/);
    if (m) ports[m[1]] = m[2];
  }
  return { id, network, ports };
};

const commands = {
  prepare_job({ container, services }) {
    const network = `hooks_of_a_test_${process.pid}`;
    run('network', 'create', '--label', 'hooks-of-a-test', network);
    const state = { network, ids: [] };
    const context = { services: [] };
    if (container) {
      context.container = start(container, network, ['tail', '-f', '/dev/null']);
      state.ids.push(state.container = context.container.id);
    }
    for (const s of services) {
      context.services.push(start(s, network, s.entryPoint ? [s.entryPoint, ...s.entryPointArgs] : []));
      state.ids.push(context.services.at(-1).id);
    }
    return { state, context, isAlpine: false };
  },
  run_script_step(args, state) {
    const path = [...args.prependPath, '/bin'].join(':');
    const env = Object.entries({ ...args.environmentVariables, PATH: path }).flatMap(([k, v]) => ['-e', `${k}=${v}`]);
    step('exec', '-i', '--workdir', args.workingDirectory, ...env, state.container, args.entryPoint, ...args.entryPointArgs);
  },
  run_container_step(args, state) {
    if (args.dockerfile) {
      args.image = `hooks-of-a-test:${process.pid}`;
      step('build', '-q', '-t', args.image, '-f', args.dockerfile, require('path').dirname(args.dockerfile));
    }
    step('run', '--rm', '--network', state.network, ...options(args), ...(args.entryPoint ? ['--entrypoint', args.entryPoint] : []), args.image, ...args.entryPointArgs);
    return { state: { ...state, ran: (state.ran || 0) + 1 } };
  },
  cleanup_job(args, state) {
    console.log(`ran ${state.ran} container steps`);
    if (state.ids.length) run('rm', '--force', '--volumes', ...state.ids);
    run('network', 'rm', state.network);
  },
};

const input = JSON.parse(fs.readFileSync(0, 'utf8'));
try {
  const answer = commands[input.command](input.args, input.state);
  if (answer) fs.writeFileSync(input.responseFile, JSON.stringify(answer));
} catch (err) {
  console.log(`::error::${input.command}: ${err.message}`);
  process.exit(1);
}
