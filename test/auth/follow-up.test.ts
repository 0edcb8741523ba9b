import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createFollowUp, type FollowEvents } from '../../src/auth/follow-up.ts'
import type { AuthEvent } from '../../src/auth/origin.ts'

const event = (userId: string): AuthEvent => ({ event: 'user_updated', userId })

function start(follower: FollowEvents, limitMs = 1_000) {
  const reported: AuthEvent[] = []
  const report = (one: AuthEvent) => void reported.push(one)
  return { reported, ...createFollowUp({ report, followers: [follower], limitMs }) }
}

t.test('the events of a use case are followed together when it has ended, however it ends', async (t) => {
  const followed: (readonly AuthEvent[])[] = []
  const { bind, report, reported } = start(async (events) => void followed.push(events))
  const { act } = bind({
    async act(user: string, fault?: Error) {
      report(event(user))
      await sleep(1)
      report(event(`${user} again`))
      t.strictSame(
        followed.flat().filter((one) => one.userId?.startsWith(user)),
        [],
      )
      if (fault) throw fault
      return user
    },
  })
  const [one, two] = await Promise.allSettled([act('one'), act('two', new Error('no'))])
  t.match(one, { status: 'fulfilled', value: 'one' })
  t.match(two, { status: 'rejected', reason: { message: 'no' } })
  t.strictSame(followed, [
    [event('one'), event('one again')],
    [event('two'), event('two again')],
  ])
  t.equal(reported.length, 4)
})

t.test('an event of no use case, or of one that has ended, is followed at once', async (t) => {
  const followed: AuthEvent[] = []
  const { bind, report, settled } = start(async (events) => {
    await sleep(1)
    followed.push(...events)
  })
  report(event('nobody'))
  await settled()
  t.strictSame(followed, [event('nobody')])
  const left = Promise.withResolvers<void>()
  const { act } = bind({
    async act() {
      setTimeout(() => {
        report(event('late'))
        left.resolve()
      }, 5)
    },
  })
  await act()
  await left.promise
  await settled()
  t.strictSame(followed, [event('nobody'), event('late')])
})

t.test('what hangs is not waited for', async (t) => {
  const { bind, report, settled } = start(() => new Promise(() => {}), 10)
  const { act } = bind({
    async act() {
      report(event('one'))
      return 'done'
    },
  })
  t.equal(await act(), 'done')
  await t.resolves(settled())
})
