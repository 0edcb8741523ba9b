import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openRedis } from '../src/redis.ts'
import { startApp } from './support/app.ts'
import { logLines } from './support/log.ts'
import { startRedis, whyWithoutRedis } from './support/redis.ts'

const skip = whyWithoutRedis()
const request = { key: 'ada', wanted: 6, max: 10, windowMs: 60_000 }

t.test('a part is granted of what is left, until the window ends', { skip }, async (t) => {
  const { grant, close } = await openRedis((await startRedis(t)).url)
  t.teardown(close)
  while ((await grant({ ...request, key: 'first' }).catch(() => null)) === null) await sleep(20)
  t.match(await grant(request), { granted: 6, ttl: 60_000 })
  t.match(await grant(request), { granted: 4 })
  t.match(await grant(request), { granted: 0 })
  t.match(await grant({ ...request, key: 'eve' }), { granted: 6 }, 'each key has a window of its own')
  t.match(await grant({ ...request, key: 'short', windowMs: 50 }), { granted: 6 })
  await sleep(100)
  t.match(await grant({ ...request, key: 'short', windowMs: 50 }), { granted: 6 }, 'a new window')
})

t.test('what cannot be asked is refused, and found again when it is back', { skip }, async (t) => {
  const redis = await startRedis(t)
  const { grant, close } = await openRedis(redis.url)
  t.teardown(close)
  const isThere = () =>
    grant(request).then(
      () => true,
      () => false,
    )
  while (!(await isThere())) await sleep(20)
  await redis.kill()
  while (await isThere()) await sleep(20)
  await redis.start()
  while (!(await isThere())) await sleep(20)
  t.pass('nobody has to start anything again')
})

t.test('while there is no Redis an instance counts by itself, and says so', async (t) => {
  const { graphql } = await startApp(t, { redisUrl: 'redis://127.0.0.1:1', rateLimitRequests: 3 })
  const statuses = []
  for (let count = 0; count < 4; count++) statuses.push((await graphql('{ serverInfo { name } }')).status)
  t.strictSame(statuses, [200, 200, 200, 429])
  t.match(logLines().join(''), /limits on requests are not shared at the moment/)
})
