import t from 'tap'
import { startApp } from '../support/app.ts'

t.test('an alias that would be the prototype of the answer is refused, compiled or not', async (t) => {
  const { graphql } = await startApp(t, { queryJit: 1 })
  for (const query of [
    '{ __proto__: serverInfo { name } }',
    '{ serverInfo { __proto__: name } }',
    '{ ...A } fragment A on Query { serverInfo { ... { __proto__: name } } }',
    'query A { __proto__: __typename } ',
  ]) {
    for (let turn = 0; turn < 3; turn++) {
      t.match(await graphql(query), {
        status: 400,
        body: { data: undefined, errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
      })
    }
  }
})

t.test('other names of the prototype are aliases like any other', async (t) => {
  const { graphql } = await startApp(t, { queryJit: 1 })
  const query =
    '{ constructor: __typename toString: serverInfo { hasOwnProperty: name __defineGetter__: name } }'
  for (let turn = 0; turn < 3; turn++) {
    const { body } = await graphql(query)
    t.equal(
      JSON.stringify(body),
      '{"data":{"constructor":"Query","toString":{"hasOwnProperty":"latchkey","__defineGetter__":"latchkey"}}}',
    )
  }
})
