import { mock } from 'node:test'
import { Registry } from 'prom-client'
import t from 'tap'
import { watchOverload } from '../../src/http/overload.ts'
import { graphqlJson, startApp } from '../support/app.ts'
import { readMetrics } from '../support/metrics.ts'
import { openSocket } from '../support/socket.ts'

t.test('requests are refused while the event loop is late turn after turn, and health is not', async (t) => {
  const metrics = new Registry()
  const { url } = await startApp(t, { overloadDelay: '20ms', listen: true, plugin: { metrics } })
  const ask = async () => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: graphqlJson },
      body: JSON.stringify({ query: '{ serverInfo { name } }' }),
    })
    const { status, headers } = response
    return { status, retryAfter: headers.get('retry-after'), body: await response.json() }
  }
  t.match(await ask(), { status: 200 })
  const socket = await openSocket(t, url)
  await socket.init()

  let isBusy = true
  const hold = (): void => {
    const until = performance.now() + 150
    while (performance.now() < until);
    if (isBusy) setTimeout(hold, 0)
  }
  hold()
  let refused = await ask()
  for (let count = 0; count < 20 && refused.status === 200; count++) refused = await ask()
  t.match(refused, {
    status: 503,
    retryAfter: '2',
    body: { errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE', reason: 'OVERLOADED', retryAfter: 2 } }] },
  })
  t.notOk('data' in (refused.body as object))
  let overSocket = await socket.run('{ serverInfo { name } }')
  while (overSocket.type === 'next') overSocket = await socket.run('{ serverInfo { name } }')
  t.match(overSocket, { type: 'error', payload: [{ extensions: { reason: 'OVERLOADED' } }] })
  for (const path of ['/healthz', '/readyz']) t.equal((await fetch(`${url}${path}`)).status, 200, path)

  isBusy = false
  let answer = await ask()
  while (answer.status === 503) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    answer = await ask()
  }
  t.match(answer, { status: 200 }, 'and again when it is over')
  const values = readMetrics(await metrics.metrics())
  t.ok((values.get('latchkey_throttled_total{reason="OVERLOADED"}') as number) > 0)
})

t.test('one long pause is no overload, three late turns in a row are', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  let now = 0
  const { isOverloaded, stop } = watchOverload(1_000, () => now)
  const cases: [pauseMs: number, isOverloaded: boolean][] = [
    [100, false],
    [60_000, false],
    [100, false],
    [1_200, false],
    [1_200, false],
    [1_200, true],
    [1_200, true],
    [1_100, false],
  ]
  for (const [pauseMs, expected] of cases) {
    now += pauseMs
    mock.timers.tick(100)
    t.equal(isOverloaded(), expected, `${pauseMs} ms`)
  }
  stop()
})

t.test('it can be switched off', async (t) => {
  const watch = watchOverload(Number.POSITIVE_INFINITY)
  t.equal(watch.isOverloaded(), false)
  watch.stop()
})
