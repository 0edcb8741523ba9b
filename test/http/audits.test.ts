import { serverAudits } from 'graphql-http'
import t from 'tap'
import { startApp } from '../support/app.ts'

t.test('every audit of GraphQL over HTTP is ok: no error, no warning, no notice', async (t) => {
  const { url } = await startApp(t, { listen: true })
  const audits = serverAudits({ url: `${url}/graphql` })
  t.equal(audits.length, 61)
  for (const { id, name, fn } of audits) {
    const result = await fn()
    const reason = 'reason' in result ? ` (${result.reason})` : ''
    if ('response' in result && !result.response.bodyUsed) await result.response.body?.cancel()
    t.equal(result.status, 'ok', `${id} ${name}${reason}`)
  }
})
