import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { startExporter, wantsTraces } from '../../src/tracing/exporter.ts'
import { createBench, password } from '../cli/command.ts'

/** Takes what exporters of OpenTelemetry send over HTTP. */
async function startCollector(t: Test): Promise<{ url: string; received(): string }> {
  const parts: Buffer[] = []
  const server = createServer(async (request, response) => {
    if (request.url === '/v1/traces') parts.push(await buffer(request))
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, received: () => Buffer.concat(parts).toString('latin1') }
}

t.test('the service sends its spans where the variables say, the last ones when it stops', async (t) => {
  const collector = await startCollector(t)
  const bench = createBench(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_SERVICE_NAME: 'accounts',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging',
    OTEL_BSP_SCHEDULE_DELAY: '60000',
  })
  await bench.json(['user', 'create', 'ada', '--password-stdin'], password)
  const running = bench.start(['serve'])
  const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({
      query: `mutation SignIn { tokenAuth(username: "ada", password: "${password}") { token } }`,
    }),
  })
  const { data } = (await response.json()) as { data: { tokenAuth: { token: string } } }
  running.child.kill('SIGTERM')
  t.equal((await running.ended).status, 0)
  const received = collector.received()
  for (const part of [
    'accounts',
    'staging',
    'POST /graphql',
    'SignIn',
    'Mutation.tokenAuth',
    'latchkey_users',
  ])
    t.ok(received.includes(part), part)
  for (const secret of [password, data.tokenAuth.token]) t.notOk(received.includes(secret))
})

t.test('a collector that is not there stops nothing', async (t) => {
  const bench = createBench(t, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })
  const running = bench.start(['serve'])
  const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
  t.equal((await fetch(new URL('/healthz', url))).status, 200)
  running.child.kill('SIGTERM')
  t.equal((await running.ended).status, 0)
})

t.test('what there is no exporter for is said', async (t) => {
  for (const [env, problem] of [
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, /OTEL_TRACES_EXPORTER must be otlp, console or none/],
    [
      { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /OTEL_EXPORTER_OTLP_PROTOCOL must be http\/protobuf/,
    ],
  ] as const)
    await t.rejects(startExporter(env), problem)
  const bench = createBench(t, { OTEL_TRACES_EXPORTER: 'jaeger' })
  t.match(await bench.run(['serve']), { status: 1, stderr: /OTEL_TRACES_EXPORTER must be/ })
})

t.test('traces can go to the console', async (t) => {
  const bench = createBench(t, { OTEL_TRACES_EXPORTER: 'console' })
  const running = bench.start(['serve'])
  const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
  await fetch(new URL('/healthz', url), { headers: { connection: 'close' } })
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0, stdout: /GET \/healthz/ })
})

t.test('nothing is traced unless somebody asks for it', async (t) => {
  for (const [env, expected] of [
    [{}, false],
    [{ OTEL_SERVICE_NAME: 'a' }, false],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a', OTEL_SDK_DISABLED: 'TRUE' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a' }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://a' }, true],
    [{ OTEL_TRACES_EXPORTER: 'console' }, true],
  ] as const)
    t.equal(wantsTraces(env), expected, JSON.stringify(env))
})
