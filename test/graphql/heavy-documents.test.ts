import t from 'tap'
import { requireMeant, send } from '../fuzz/fuzz.ts'
import { startApp } from '../support/app.ts'
import { heavyDocuments } from './heavy-documents.ts'

t.test('what costs most within the limits is refused or answered, however often it comes', async (t) => {
  const server = await startApp(t, { queryJit: 1 })
  const token = await server.signIn(await server.createUser())
  for (const { name, ...request } of heavyDocuments) {
    const payload = JSON.stringify(request)
    t.ok(payload.length <= 100 * 1_024, `${name}: the body is not too large`)
    for (let turn = 0; turn < 3; turn++) {
      const answer = await send(server.app, { headers: { authorization: `Token ${token}` }, payload })
      requireMeant(answer)
      t.not(answer.body.errors?.[0].extensions.reason, 'TOKENS', `${name}: it is read`)
    }
  }
})
