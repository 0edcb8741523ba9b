import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { dayMs, openDomain, origin, refusalOf } from '../support/domain.ts'

t.test('a token is ended by its user alone; the answer does not tell what was there', async (t) => {
  const { auth, createUser, signIn, userOf, reasonOf, events } = await openDomain(t)
  await createUser('ada')
  await createUser('eve')
  const ada = await userOf((await signIn('ada')).token)
  const other = await signIn('ada')
  const eve = await signIn('eve')
  events.length = 0
  for (const id of [eve.tokenInfo.id, uuidv7()]) t.equal(await auth.revokeToken(ada, id, origin()), undefined)
  t.equal(await reasonOf(eve.token), 'none')
  t.same(events, [])
  for (const id of [other.tokenInfo.id.toUpperCase(), other.tokenInfo.id])
    await auth.revokeToken(ada, id, origin())
  t.equal(await reasonOf(other.token), 'REVOKED')
  t.match(events, [{ event: 'authn_token_revoked', userId: ada.user.id, tokenId: other.tokenInfo.id }])
  t.equal(events.length, 1, 'ending it twice is one event')
  for (const id of ['', '1', "' or 1=1", `${uuidv7()} `]) {
    t.match(await refusalOf(auth.revokeToken(ada, id, origin())), {
      code: 'BAD_USER_INPUT',
      reason: 'ID',
      field: 'id',
    })
  }
})

t.test('all other tokens are ended, or all; live ones are counted', async (t) => {
  const { auth, clock, createUser, signIn, userOf, reasonOf } = await openDomain(t)
  await createUser('ada')
  await createUser('eve')
  await signIn('ada', { expiresIn: '1s' })
  clock.now += 1_000
  const own = await signIn('ada')
  const others = [await signIn('ada'), await signIn('ada')]
  const eve = await signIn('eve')
  const ada = await userOf(own.token)
  t.equal(await auth.revokeOtherTokens(ada, origin()), 2)
  t.equal(await auth.revokeOtherTokens(ada, origin()), 0)
  for (const { token } of others) t.equal(await reasonOf(token), 'REVOKED')
  t.equal(await reasonOf(own.token), 'none')
  await signIn('ada')
  t.equal(await auth.revokeAllTokens(ada, origin()), 2)
  t.equal(await reasonOf(own.token), 'REVOKED')
  t.equal(await reasonOf(eve.token), 'none')
})

t.test('a live token of one’s own gets another name; any other is not found', async (t) => {
  const { auth, createUser, signIn, userOf } = await openDomain(t)
  await createUser('ada')
  await createUser('eve')
  const own = await signIn('ada')
  const ended = await signIn('ada')
  const ada = await userOf(own.token)
  const eve = await signIn('eve')
  await auth.revokeToken(ada, ended.tokenInfo.id, origin())
  t.match(await auth.renameToken(ada, own.tokenInfo.id, ' Phone '), { id: own.tokenInfo.id, name: 'Phone' })
  const answers: object[] = []
  for (const id of [eve.tokenInfo.id, ended.tokenInfo.id, uuidv7()]) {
    await auth.renameToken(ada, id, 'Phone').catch((error) => answers.push({ ...error, text: error.message }))
  }
  t.match(answers[0], { code: 'NOT_FOUND' })
  for (const answer of answers) t.same(answer, answers[0])
  t.equal((await auth.listTokens(eve.user.id, 1, null)).tokens[0]?.name, 'Unnamed device')
  t.match(await refusalOf(auth.renameToken(ada, 'x', 'Phone')), { code: 'BAD_USER_INPUT', reason: 'ID' })
  t.match(await refusalOf(auth.renameToken(ada, own.tokenInfo.id, '')), {
    code: 'BAD_USER_INPUT',
    field: 'name',
  })
})

t.test('the live tokens are listed newest first, page by page', async (t) => {
  const { auth, clock, createUser, signIn } = await openDomain(t)
  const userId = await createUser('ada')
  await createUser('eve')
  await signIn('eve')
  await signIn('ada', { expiresIn: '2s' })
  const ids: string[] = []
  for (let count = 0; count < 5; count++) {
    clock.now += 1_000
    ids.unshift((await signIn('ada')).tokenInfo.id)
  }
  const first = await auth.listTokens(userId, 2, null)
  t.match(first, { userId, hasNextPage: true, hasPreviousPage: false })
  const second = await auth.listTokens(userId, 2, ids[1] ?? '')
  t.match(second, { hasNextPage: true, hasPreviousPage: true })
  const third = await auth.listTokens(userId, 2, ids[3] ?? '')
  t.match(third, { hasNextPage: false, hasPreviousPage: true })
  t.same(
    [first, second, third].flatMap(({ tokens }) => tokens.map(({ id }) => id)),
    ids,
  )
  t.equal(await auth.countTokens(userId), 5)
  t.equal((await auth.listTokens(userId, 100, null)).tokens.length, 5)
  clock.now += 14 * dayMs
  t.equal(await auth.countTokens(userId), 0, 'idle ones are not')
})

t.test('a page has 1 to 100 tokens, and a cursor is one of this list', async (t) => {
  const { auth, createUser } = await openDomain(t)
  const userId = await createUser('ada')
  for (const first of [0, -1, 101, 1.5, Number.NaN]) {
    t.match(await refusalOf(auth.listTokens(userId, first, null)), {
      code: 'BAD_USER_INPUT',
      reason: 'RANGE',
    })
  }
  for (const after of ['', 'x', '../..']) {
    t.match(await refusalOf(auth.listTokens(userId, 1, after)), {
      code: 'BAD_USER_INPUT',
      reason: 'CURSOR',
      field: 'after',
    })
  }
})
