import t from 'tap'
import { digestsOfToken, generateToken } from '../../src/auth/token-format.ts'
import { dayMs, openDomain, origin } from '../support/domain.ts'

for (const [what, cacheSize] of [
  ['out of memory', 100],
  ['with no memory of it', 0],
] as const) {
  t.test(`a token that is held is judged by what it is now, ${what}`, async (t) => {
    const { auth, clock, createUser, signIn, userOf } = await openDomain(t, { token: { cacheSize } })
    await createUser('ada')
    const { token } = await signIn('ada')
    const judge = async (which: string) => auth.judgeHeldToken(digestsOfToken(which), null)
    t.match(await judge(token), { principal: { kind: 'user' }, endsAt: clock.now + 14 * dayMs })
    t.match(await judge(generateToken('lk_')), { principal: { kind: 'anonymous', reason: 'INVALID' } })

    const input = { name: 'script', expiresIn: '90d', scopes: ['ACCOUNT'] }
    const personal = await auth.createPersonalToken(await userOf(token), input, origin())
    t.match(
      await judge(personal.token),
      { principal: { kind: 'user' }, endsAt: clock.now + 90 * dayMs },
      'a personal one does not go idle',
    )
    await auth.revokeToken(await userOf(token), null, origin())
    t.match(await judge(token), { principal: { kind: 'anonymous', reason: 'REVOKED' } })
  })
}
