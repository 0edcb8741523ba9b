import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Delivery, type OutboxHandler, Undeliverable } from '../../src/auth/outbox.ts'
import { isOnPostgres } from '../support/database.ts'
import { type DomainOptions, hourMs, openDomain, type TestDomain } from '../support/domain.ts'

/** A domain whose handler of the kind `test` notes what it gets, then does what the test says. */
async function openOutbox(
  t: Test,
  options: DomainOptions = {},
  act: (payload: unknown, delivery: Delivery) => Promise<void> | void = () => {},
) {
  const domain = await openDomain(t, options)
  const { outbox } = domain.auth
  t.teardown(() => outbox.stop())
  const delivered: unknown[] = []
  const givenUp: unknown[] = []
  const handler: OutboxHandler = {
    async deliver(payload, delivery) {
      delivered.push(payload)
      await act(payload, delivery)
    },
    giveUp: (payload) => givenUp.push(payload),
  }
  outbox.handle('test', handler)
  const add = (payload: object, kind = 'test'): Promise<void> =>
    domain.database.transaction((db) => outbox.add(db, { kind, payload }))
  return { ...domain, outbox, delivered, givenUp, add }
}

async function countRows({ database }: Pick<TestDomain, 'database'>): Promise<number> {
  return (await database.kysely.selectFrom('latchkey_outbox').selectAll().execute()).length
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(2)
}

t.test('what is added is delivered once it is committed, and then gone', async (t) => {
  const box = await openOutbox(t, { outbox: { pollMs: hourMs } })
  box.outbox.start()
  box.outbox.start() // a second time changes nothing
  await box.add({ n: 1 })
  await until(() => box.delivered.length === 1)
  await box.database
    .transaction(async (db) => {
      await box.outbox.add(db, { kind: 'test', payload: { n: 2 } })
      throw new Error('taken back')
    })
    .catch(() => {})
  await box.add({ n: 3 })
  await until(async () => box.delivered.length === 2 && (await countRows(box)) === 0)
  t.same(box.delivered, [{ n: 1 }, { n: 3 }])
  t.same(box.troubles, [])
})

t.test('what another process has added is found without a bell', async (t) => {
  const url = `sqlite:${join(t.testdir(), 'latchkey.db')}`
  const other = await openDomain(t, { url })
  const box = await openOutbox(t, { url, outbox: { pollMs: 20 } })
  box.outbox.start()
  await other.database.transaction((db) => other.auth.outbox.add(db, { kind: 'test', payload: { n: 1 } }))
  await until(() => box.delivered.length === 1)
  t.same(box.delivered, [{ n: 1 }])
})

t.test('a failure is tried again after a wait that doubles, and given up after a day', async (t) => {
  const box = await openOutbox(t, {}, () => {
    throw new Error('nobody there')
  })
  await box.add({ n: 1 })
  const stepMs = isOnPostgres ? 60_000 : 1_000 // each step asks a server twice
  const start = box.clock.now
  const waits: number[] = []
  let last = start
  while ((await countRows(box)) > 0) {
    const before = box.delivered.length
    await box.outbox.deliverDue()
    if (box.delivered.length === before) {
      box.clock.now += stepMs
      continue
    }
    waits.push(box.clock.now - last)
    last = box.clock.now
  }
  waits.shift() // the first attempt is made at once
  for (const [index, wait] of waits.entries()) {
    const nominal = Math.min(10_000 * 2 ** index, hourMs)
    t.ok(wait >= nominal / 2 && wait <= nominal * 1.5 + stepMs, `wait ${index} is ${wait} ms`)
  }
  t.ok(last - start >= 24 * hourMs && last - start < 26 * hourMs)
  t.same(box.givenUp, [{ n: 1 }])
  t.match(box.troubles[0], {
    error: { message: 'nobody there' },
    delivery: { kind: 'test', attempt: 1, givenUp: false },
  })
  t.match(box.troubles.at(-1), { delivery: { attempt: box.delivered.length, givenUp: true } })
})

t.test('what can never be delivered is given up at once', async (t) => {
  const box = await openOutbox(t, {}, () => {
    throw new Undeliverable('no such place')
  })
  await box.add({ n: 1 })
  await box.outbox.deliverDue()
  t.equal(await countRows(box), 0)
  t.same(box.givenUp, [{ n: 1 }])
  t.match(box.troubles, [{ delivery: { givenUp: true } }])
})

t.test('a handler need not hear of what is given up, and a damaged payload reaches it as null', async (t) => {
  const box = await openOutbox(t)
  const got: unknown[] = []
  box.outbox.handle('other', {
    async deliver(payload) {
      got.push(payload)
      throw new Undeliverable('not mine')
    },
  })
  await box.add({ n: 1 }, 'other')
  await box.database.kysely.updateTable('latchkey_outbox').set({ payload: '{' }).execute()
  await box.outbox.deliverDue()
  t.same(got, [null])
  t.equal(await countRows(box), 0)
})

t.test('what nobody handles waits, and goes after a week', async (t) => {
  const box = await openOutbox(t)
  await box.add({ n: 1 }, 'stranger')
  await box.outbox.deliverDue()
  box.clock.now += 6 * 24 * hourMs
  await box.auth.prune()
  t.equal(await countRows(box), 1)
  box.clock.now += 24 * hourMs
  await box.auth.prune()
  t.equal(await countRows(box), 0)
  t.same(box.delivered, [])
})

t.test('a kind has one handler', async (t) => {
  const { outbox } = await openOutbox(t)
  t.throws(() => outbox.handle('test', { deliver: async () => {} }), /handler for test already/)
})

t.test('no more than a few of one kind are under way at once, and no kind holds up another', async (t) => {
  let running = 0
  let most = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const box = await openOutbox(t, { outbox: { concurrency: 3 } }, async () => {
    most = Math.max(most, ++running)
    await promise
    running--
  })
  const others: unknown[] = []
  box.outbox.handle('other', { deliver: async (payload) => void others.push(payload) })
  for (let n = 0; n < 10; n++) await box.add({ n })
  box.outbox.start()
  await until(() => box.delivered.length === 3)
  await box.add({ n: 'other' }, 'other')
  await until(() => others.length === 1)
  t.equal(box.delivered.length, 3)
  resolve()
  await until(() => box.delivered.length === 10)
  t.equal(most, 3)
})

t.test('an attempt that hangs is over after a while, and so is its hold on the others', async (t) => {
  const box = await openOutbox(t, { outbox: { attemptMs: 30, concurrency: 1 } }, async (payload) => {
    if ((payload as { n: number }).n === 0) await new Promise(() => {})
  })
  for (let n = 0; n < 3; n++) await box.add({ n })
  await box.outbox.deliverDue()
  t.same(
    box.delivered.map((payload) => (payload as { n: number }).n).sort(),
    [0, 1, 2],
    'in any order: they were added at the same time',
  )
  t.match(box.troubles, [
    { error: { message: 'it took too long' }, delivery: { attempt: 1, givenUp: false } },
  ])
  t.equal(await countRows(box), 1)
})

t.test('stop hands back what is under way, and takes nothing new', async (t) => {
  const url = `sqlite:${join(t.testdir(), 'latchkey.db')}`
  let signal: AbortSignal | undefined
  const box = await openOutbox(t, { url, outbox: { graceMs: 30 } }, async (_payload, delivery) => {
    signal = delivery.signal
    await new Promise(() => {})
  })
  await box.add({ n: 1 })
  box.outbox.start()
  await until(() => box.delivered.length === 1)
  await box.outbox.stop()
  t.ok(signal?.aborted)
  await box.add({ n: 2 })
  await box.outbox.deliverDue()
  t.equal(box.delivered.length, 1)
  t.same(box.troubles, [])
  const next = await openOutbox(t, { url })
  await next.outbox.deliverDue()
  t.same(next.delivered, [{ n: 1 }, { n: 2 }], 'whoever comes next need not wait for the claim to end')
})

t.test('what a process had claimed when it died is taken over once the claim has ended', async (t) => {
  const url = `sqlite:${join(t.testdir(), 'latchkey.db')}`
  const { promise, resolve } = Promise.withResolvers<void>()
  const dying = await openOutbox(t, { url }, () => promise)
  const other = await openOutbox(t, { url, clock: dying.clock })
  await dying.add({ n: 1 })
  dying.outbox.start()
  await until(() => dying.delivered.length === 1)
  dying.clock.now += 119_999
  await other.outbox.deliverDue()
  t.same(other.delivered, [])
  dying.clock.now += 1
  await other.outbox.deliverDue()
  t.same(other.delivered, [{ n: 1 }])
  resolve()
  await dying.outbox.stop()
  t.equal(await countRows(other), 0)
})

t.test('a claim that was taken over is neither postponed nor given up by who had it before', async (t) => {
  const url = `sqlite:${join(t.testdir(), 'latchkey.db')}`
  for (const error of [new Error('slow'), new Undeliverable('slow')]) {
    const slow = Promise.withResolvers<void>()
    const taken = Promise.withResolvers<void>()
    const one = await openOutbox(t, { url }, () => slow.promise)
    const other = await openOutbox(t, { url, clock: one.clock }, () => taken.promise)
    await one.add({ n: 1 })
    const ended = one.outbox.deliverDue()
    await until(() => one.delivered.length === 1)
    one.clock.now += 120_000
    const otherEnded = other.outbox.deliverDue()
    await until(() => other.delivered.length === 1)
    slow.reject(error)
    await ended
    t.equal(await countRows(other), 1, error.name)
    t.same(one.givenUp, [])
    taken.resolve()
    await otherEnded
    t.equal(await countRows(other), 0)
  }
})

t.test('a hundred messages reach one of two processes each, once', async (t) => {
  const url = `sqlite:${join(t.testdir(), 'latchkey.db')}`
  const boxes = [await openOutbox(t, { url }), await openOutbox(t, { url })] as const
  for (let n = 0; n < 100; n++) await boxes[0].add({ n })
  await Promise.all(boxes.map(({ outbox }) => outbox.deliverDue()))
  const all = boxes.flatMap(({ delivered }) => delivered) as { n: number }[]
  t.same(
    all.map(({ n }) => n).sort((one, other) => one - other),
    Array.from({ length: 100 }, (_, n) => n),
  )
})

t.test('a database that fails does not end the loop, nor forget what was delivered', async (t) => {
  let breaks = (): Promise<unknown> => Promise.resolve()
  const box = await openOutbox(t, { outbox: { pollMs: 10 } }, () => breaks().then(() => {}))
  const { schema } = box.database.kysely
  const hide = () => schema.alterTable('latchkey_outbox').renameTo('hidden').execute()
  const show = () => schema.alterTable('hidden').renameTo('latchkey_outbox').execute()
  await hide()
  box.outbox.start()
  await until(() => box.troubles.length > 1)
  await show()
  breaks = hide
  await box.add({ n: 1 })
  await until(() => box.delivered.length === 1)
  const before = box.troubles.length
  await until(() => box.troubles.length > before + 1)
  breaks = () => Promise.resolve()
  await show()
  await until(async () => (await countRows(box)) === 0)
  t.same(box.delivered, [{ n: 1 }])
  t.notOk(box.troubles.some(({ delivery }) => delivery))
  breaks = hide
  await box.add({ n: 2 })
  await until(() => box.delivered.length === 2)
  await box.outbox.stop()
  t.pass('stop does not wait for a database that fails')
  await show()
})
