import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createFollowUp, type FollowEvents } from '../../src/auth/follow-up.ts'
import { noHooks } from '../../src/auth/hooks.ts'
import type { AuthEvent } from '../../src/auth/origin.ts'
import { password } from '../support/app.ts'
import { openDomain, origin } from '../support/domain.ts'
import { secret } from '../support/log.ts'

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

t.test('the answer of each use case waits for what follows its events', async (t) => {
  let gate = Promise.withResolvers<void>()
  let begun = Promise.withResolvers<string[]>()
  gate.resolve()
  const { auth, createUser, signIn, userOf } = await openDomain(t, {
    hooks: {
      ...noHooks,
      async follow(events) {
        begun.resolve(events.map(({ event }) => event))
        await gate.promise
      },
    },
  })
  const id = await createUser('ada')
  const other = await createUser('bob')
  const { token } = await signIn('ada')
  const ada = await userOf(token)
  const changed = { currentPassword: password, newPassword: secret('a wholly different passphrase') }
  const ended = ['authn_token_revoked']
  const cases: [name: string, act: () => Promise<unknown>, events: string[]][] = [
    ['tokenAuth', () => signIn('bob'), ['authn_login_success']],
    [
      'createToken',
      () => auth.createPersonalToken(ada, { name: 'ci', scopes: [] }, origin()),
      ['authn_token_created'],
    ],
    ['confirmPassword', () => auth.confirmPassword(ada, password, origin()), ['authn_password_confirmed']],
    ['rotateToken', () => auth.rotateToken(ada, token, origin()), ['authn_token_rotated']],
    [
      'changePassword',
      () => auth.changePassword(ada, changed, origin()),
      [...ended, 'authn_password_change'],
    ],
    ['updateViewer', () => auth.updateViewer(ada, { username: 'eve' }, origin()), ['user_updated']],
    ['createUser', () => auth.createAccount({ username: 'carol' }), ['user_created']],
    [
      'setUserPassword',
      () => auth.setUserPassword(other, { temporaryPassword: true }),
      [...ended, 'authn_password_change'],
    ],
    ['setUserActive', () => auth.setUserActive(other, false, {}), ['user_disabled']],
    ['setUserRole', () => auth.setUserRole(other, 'ADMIN', {}), ['user_role_changed']],
    ['revokeToken', () => auth.revokeToken(ada, null, origin()), ended],
    ['deleteUser', () => auth.deleteUser(id), ['user_deleted']],
  ]
  for (const [name, act, events] of cases) {
    gate = Promise.withResolvers()
    begun = Promise.withResolvers()
    let answered = false
    const answer = act().finally(() => {
      answered = true
    })
    t.strictSame(await begun.promise, events, name)
    for (let turns = 0; turns < 5; turns++) await turn()
    t.notOk(answered, `${name} waits`)
    gate.resolve()
    await t.resolves(answer)
  }
})
