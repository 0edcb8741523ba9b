import { join } from 'node:path'
import t from 'tap'
import { anonymous } from '../../src/auth/principal.ts'
import { withAuth } from '../../src/cli/domain.ts'

t.test('no throttle stands between the operator and the domain', async (t) => {
  process.env.DATABASE_URL = `sqlite:${join(t.testdir(), 'latchkey.db')}`
  const nobody = anonymous('MISSING', '')
  const origin = { requestId: '', address: '127.0.0.1', network: '127.0.0.1', userAgent: null }
  await withAuth(async (auth) => {
    for (let attempt = 0; attempt < 12; attempt++) {
      const request = { username: 'nobody', password: 'a wrong password' }
      await t.rejects(auth.tokenAuth(request, origin, nobody), { code: 'UNAUTHENTICATED' })
    }
  })
})
