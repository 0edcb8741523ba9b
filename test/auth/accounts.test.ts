import t from 'tap'
import { password } from '../support/app.ts'
import { openDomain, origin, refusalOf } from '../support/domain.ts'

t.test('a sign-up makes an account; none where it is closed', async (t) => {
  const { auth, clock, signIn, events } = await openDomain(t)
  const user = await auth.signUp({ username: 'ada', password, email: 'ada@example.org' }, origin())
  t.match(user, {
    username: 'ada',
    email: 'ada@example.org',
    role: 'USER',
    createdAt: clock.now,
    lastSignInAt: null,
  })
  t.match(events, [{ event: 'user_created', userId: user.id }])
  await signIn('ada')

  const closed = await openDomain(t, { signUpOpen: false })
  t.match(await refusalOf(closed.auth.signUp({ username: 'ada', password }, origin())), {
    code: 'FORBIDDEN',
    reason: 'DISABLED',
  })
  t.match(await refusalOf(closed.auth.signUp({ username: '', password: '' }, origin())), {
    code: 'FORBIDDEN',
  })
  await closed.createUser('ada')
})

t.test('a username and an email address are one kind of name: each means one account', async (t) => {
  const { auth, createUser } = await openDomain(t)
  await createUser('ada', 'ada@example.org')
  t.match(await refusalOf(createUser('ADA')), { code: 'CONFLICT', reason: 'TAKEN', field: 'username' })
  t.match(await refusalOf(createUser('eve', 'Ada@Example.org')), {
    code: 'CONFLICT',
    reason: 'TAKEN',
    field: 'email',
  })
  t.match(await refusalOf(createUser('ada@example.org', 'ada@example.org')), {
    code: 'CONFLICT',
    field: 'username',
  })
  t.equal((await auth.findUser('ADA@example.org'))?.username, 'ada')
  t.equal(await auth.findUser('eve'), undefined)
})

t.test('of many sign-ups at once with one name, one succeeds', async (t) => {
  const { auth } = await openDomain(t, { throttle: { addressMax: 1_000 } })
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, () => auth.signUp({ username: 'ada', password }, origin())),
  )
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') t.match(outcome.reason, { code: 'CONFLICT' })
  }
})

t.test('a new password ends every other token and takes the place of the old one', async (t) => {
  const { auth, createUser, signIn, userOf, reasonOf, events } = await openDomain(t)
  await createUser('ada')
  const own = await signIn('ada')
  const others = [await signIn('ada'), await signIn('ada')]
  const ada = await userOf(own.token)
  const newPassword = 'a password of its own'
  t.match(await refusalOf(auth.changePassword(ada, { currentPassword: 'wrong', newPassword }, origin())), {
    code: 'UNAUTHENTICATED',
    reason: 'CREDENTIALS',
  })
  t.match(events.at(-1), {
    event: 'authn_password_change_fail',
    userId: ada.user.id,
    tokenId: own.tokenInfo.id,
  })
  for (const { token } of others) t.equal(await reasonOf(token), 'none', 'a failure changes nothing')
  t.equal(await auth.changePassword(ada, { currentPassword: password, newPassword }, origin()), 2)
  t.match(events.slice(-3), [
    { event: 'authn_token_revoked' },
    { event: 'authn_token_revoked' },
    { event: 'authn_password_change', count: 2 },
  ])
  for (const { token } of others) t.equal(await reasonOf(token), 'REVOKED')
  t.equal(await reasonOf(own.token), 'none')
  t.match(await refusalOf(signIn('ada')), { code: 'UNAUTHENTICATED' })
  await signIn('ada', { password: newPassword })
})

t.test('a new password that is not fit is refused before the old one is asked', async (t) => {
  const { auth, createUser, signIn, userOf, events } = await openDomain(t)
  await createUser('adalove', 'countess@example.org')
  const ada = await userOf((await signIn('adalove')).token)
  events.length = 0
  const cases = [
    [{ currentPassword: 'wrong', newPassword: 'short' }, 'TOO_SHORT', 'newPassword'],
    [{ currentPassword: 'wrong', newPassword: 'my countess of numbers' }, 'CONTAINS_NAME', 'newPassword'],
    [{ currentPassword: '\ud800', newPassword: 'words and words' }, 'ILL_FORMED', 'currentPassword'],
  ] as const
  for (const [request, reason, field] of cases) {
    t.match(await refusalOf(auth.changePassword(ada, request, origin())), {
      code: 'BAD_USER_INPUT',
      reason,
      field,
    })
  }
  t.same(events, [])
})

t.test('of two changes of a password at once, one is made', async (t) => {
  const { auth, createUser, signIn, userOf } = await openDomain(t)
  await createUser('ada')
  const ada = await userOf((await signIn('ada')).token)
  const outcomes = await Promise.allSettled(
    ['the first new one', 'the second new one'].map((newPassword) =>
      auth.changePassword(ada, { currentPassword: password, newPassword }, origin()),
    ),
  )
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
})

t.test('a profile changes in what is given, and stays in what is not', async (t) => {
  const { auth, createUser, signIn, userOf, events } = await openDomain(t)
  await createUser('ada', 'ada@example.org')
  await createUser('eve', 'eve@example.org')
  const { token } = await signIn('ada')
  const change = async (profile: Parameters<typeof auth.updateViewer>[1]) =>
    (await auth.updateViewer(await userOf(token), profile, origin())).user
  t.match(await change({ username: 'Countess' }), { username: 'Countess', email: 'ada@example.org' })
  t.match(await change({ email: 'countess@example.org' }), {
    username: 'Countess',
    email: 'countess@example.org',
  })
  t.match(await change({}), { username: 'Countess', email: 'countess@example.org' })
  t.match(
    await change({ username: 'COUNTESS' }),
    { username: 'COUNTESS' },
    'one’s own name in another case is free',
  )
  t.match(await change({ email: null }), { email: null })
  t.match(events.at(-1), { event: 'user_updated' })
  t.match((await userOf(token)).user, { username: 'COUNTESS', email: null }, 'the next request sees it')
  await signIn('countess')

  t.match(await refusalOf(change({ username: 'Eve' })), { code: 'CONFLICT', field: 'username' })
  t.match(await refusalOf(change({ email: 'EVE@example.org' })), { code: 'CONFLICT', field: 'email' })
  t.match(await refusalOf(change({ username: 'a@b.org' })), {
    code: 'BAD_USER_INPUT',
    reason: 'NOT_YOUR_EMAIL',
  })
  t.match(await refusalOf(change({ username: '', email: 'new@example.org' })), { code: 'BAD_USER_INPUT' })
  t.match((await userOf(token)).user, { username: 'COUNTESS', email: null }, 'all or nothing')
})

t.test('a username that is the own email address cannot outlive it', async (t) => {
  const { auth, createUser, signIn, userOf } = await openDomain(t)
  await createUser('ada@example.org', 'ada@example.org')
  const ada = await userOf((await signIn('ada@example.org')).token)
  for (const email of [null, 'other@example.org']) {
    t.match(await refusalOf(auth.updateViewer(ada, { email }, origin())), {
      reason: 'NOT_YOUR_EMAIL',
      field: 'username',
    })
  }
  const email = 'other@example.org'
  t.match(await auth.updateViewer(ada, { email, username: email }, origin()), {
    user: { username: email, email },
  })
})

t.test('an account that is gone is not found', async (t) => {
  const { auth, createUser, signIn, userOf } = await openDomain(t)
  const id = await createUser('ada')
  const ada = await userOf((await signIn('ada')).token)
  await auth.deleteUser(id)
  t.match(await refusalOf(auth.updateViewer(ada, { username: 'eve' }, origin())), { code: 'NOT_FOUND' })
  t.match(
    await refusalOf(
      auth.changePassword(ada, { currentPassword: password, newPassword: 'words and words' }, origin()),
    ),
    { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS' },
  )
})

t.test('the operator’s word ends tokens: disabling, deleting, setting a password', async (t) => {
  const { auth, createUser, signIn, reasonOf } = await openDomain(t)
  const id = await createUser('ada')
  const user = await auth.findUser('ada')
  if (user === undefined) throw new Error('no user')
  let { token } = await signIn('ada')
  await auth.setPassword(user, 'a password set anew')
  t.equal(await reasonOf(token), 'REVOKED')
  token = (await signIn('ada', { password: 'a password set anew' })).token
  t.match(await refusalOf(auth.setPassword(user, 'my ada is short')), { reason: 'CONTAINS_NAME' })
  await auth.setActive(id, false)
  t.equal(await reasonOf(token), 'INACTIVE')
  t.match(await refusalOf(signIn('ada', { password: 'a password set anew' })), { code: 'UNAUTHENTICATED' })
  await auth.setActive(id, true)
  token = (await signIn('ada', { password: 'a password set anew' })).token
  await auth.deleteUser(id)
  t.equal(await reasonOf(token), 'INACTIVE')
})

t.test('what the operator does to an account is reported, with each token that ends', async (t) => {
  const { auth, createUser, signIn, events } = await openDomain(t)
  const { id: eveId } = await auth.createUser({ username: 'eve', password })
  t.strictSame(events, [{ event: 'user_created', userId: eveId }])
  const userId = await createUser('ada')
  const user = await auth.findUser('ada')
  if (user === undefined) throw new Error('no user')
  const cases: [event: string, endsTokens: boolean, act: () => Promise<unknown>][] = [
    ['authn_password_change', true, () => auth.setPassword(user, password)],
    ['user_disabled', true, () => auth.setActive(userId, false)],
    ['user_enabled', false, () => auth.setActive(userId, true)],
    ['user_deleted', true, () => auth.deleteUser(userId)],
  ]
  for (const [event, endsTokens, act] of cases) {
    const tokenIds: string[] = []
    if (endsTokens) tokenIds.push((await signIn('ada')).tokenInfo.id, (await signIn('ada')).tokenInfo.id)
    events.length = 0
    await act()
    const ends = tokenIds.map((tokenId) => ({ event: 'authn_token_revoked', userId, tokenId }))
    t.strictSame(new Set(events.slice(0, -1).map(text)), new Set(ends.map(text)), event)
    t.equal(events.length, ends.length + 1)
    t.strictSame(events.at(-1), { event, userId })
  }
  events.length = 0
  await refusalOf(auth.deleteUser(userId))
  t.same(events, [], 'what fails is not reported')
})

t.test('a deleted account leaves nothing personal behind, and frees its names', async (t) => {
  const { auth, database, createUser, signIn } = await openDomain(t)
  const id = await createUser('ada', 'ada@example.org')
  await signIn('ada', { device: { id: 'd1', name: 'Ada’s phone', platform: 'ios' } })
  await auth.deleteUser(id)
  const tokens = await database.kysely.selectFrom('latchkey_tokens').selectAll().execute()
  t.equal(tokens.length, 1)
  t.match(tokens, [
    {
      user_id: null,
      name: '',
      device_id: null,
      device_name: null,
      device_platform: null,
      user_agent_id: null,
      last_used_address: null,
    },
  ])
  await createUser('ada', 'ada@example.org')
})

t.test('whether there is any account can be asked', async (t) => {
  const { auth, createUser } = await openDomain(t)
  t.equal(await auth.hasUsers(), false)
  await createUser('ada')
  t.equal(await auth.hasUsers(), true)
})

/** The fields of a record in one order. */
function text(record: object): string {
  return JSON.stringify(Object.entries(record).sort())
}
