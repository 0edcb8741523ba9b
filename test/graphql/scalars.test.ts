import { Kind } from 'graphql'
import t from 'tap'
import { dateTime } from '../../src/graphql/scalars.ts'

const moment = Date.parse('2026-11-23T09:30:00.000Z')

t.test('a DateTime goes out as RFC 3339 in UTC', (t) => {
  for (const value of [moment, new Date(moment), '2026-11-23T10:30:00+01:00']) {
    t.equal(dateTime.serialize(value), '2026-11-23T09:30:00.000Z')
  }
  for (const value of ['soon', Number.NaN, {}, undefined]) {
    t.throws(() => dateTime.serialize(value), { name: 'TypeError' })
  }
  t.end()
})

t.test('a DateTime comes in as RFC 3339, with any offset', (t) => {
  for (const text of [
    '2026-11-23T09:30:00.000Z',
    '2026-11-23T09:30:00Z',
    '2026-11-23t09:30:00z',
    '2026-11-23T09:30:00.000000000Z',
    '2026-11-23T10:30:00+01:00',
    '2026-11-22T21:30:00-12:00',
    '2026-11-23T09:30:00-00:00',
  ]) {
    t.equal(dateTime.parseValue(text), moment, text)
    t.equal(dateTime.parseLiteral({ kind: Kind.STRING, value: text }), moment, text)
  }
  t.equal(dateTime.parseValue('2024-02-29T00:00:00Z'), Date.parse('2024-02-29T00:00:00Z'), 'a leap day')
  t.end()
})

t.test('what is no RFC 3339 text is refused, and not said back', (t) => {
  for (const value of [
    '',
    'soon',
    '2026-11-23',
    '2026-11-23T09:30Z',
    '2026-11-23T09:30:00',
    '2026-11-23 09:30:00Z',
    '2026-11-23T09:30:00.Z',
    '2026-11-23T09:30:00+0100',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-11-00T00:00:00Z',
    '2026-11-23T24:00:00Z',
    '2026-11-23T25:00:00Z',
    '2026-11-23T09:60:00Z',
    '2026-11-23T09:30:61Z',
    '2026-11-23T09:30:00+24:00',
    '2026-11-23T09:30:00+01:60',
    '+002026-11-23T09:30:00Z',
    ' 2026-11-23T09:30:00Z',
    '2026-11-23T09:30:00Z\n',
    moment,
    null,
    {},
    ['2026-11-23T09:30:00Z'],
  ]) {
    t.throws(
      () => dateTime.parseValue(value),
      { message: 'DateTime must be RFC 3339 text, for example 2026-11-23T09:30:00.000Z.' },
      JSON.stringify(value),
    )
  }
  t.throws(() => dateTime.parseLiteral({ kind: Kind.INT, value: String(moment) }), /RFC 3339/)
  t.end()
})
