import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { openDjango } from '../../src/django/source.ts'
import { hasPostgres, NO_POSTGRES, startPostgres, whyWithoutPostgres } from '../support/postgres.ts'

const standard = { userTable: null, usernameColumn: null, knoxTable: null }
const page = { now: Date.now(), tokenLimit: 50 }

t.test('what is wrong with an address is said without the password in it', async (t) => {
  const hangingUp = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(hangingUp, 'listening')
  t.teardown(() => hangingUp.close())
  const cases: [address: string, says: RegExp][] = [
    ['postgres://u:hunter22@127.0.0.1:1/x', /nothing listens at this address\.$/],
    [
      'postgresql://u:hunter22@no-such-host.invalid/x',
      /the name of its host (is not known|cannot be looked up)\.$/,
    ],
    [
      'postgres://u:hun/ter22@127.0.0.1/x',
      /its address is not a URL\. Write characters such as \/ # \? @ in a password as %2F/,
    ],
    ['postgres://u:hunter22@/x?host=/nowhere', /there is no such socket\.$/],
    [
      `postgres://u:hunter22@127.0.0.1:${(hangingUp.address() as AddressInfo).port}/x`,
      /the connection failed \(.+\)\.$/,
    ],
  ]
  for (const [address, says] of cases) {
    const error = await openDjango(address, standard).then(
      () => null,
      (cause) => cause,
    )
    t.match(error, { name: 'ForeignDatabaseError', message: says })
    t.notMatch(error.message, /hun/)
  }
})

t.test('a database of PostgreSQL’s', { skip: whyWithoutPostgres() }, async (t) => {
  if (!hasPostgres) return t.fail(NO_POSTGRES)
  const postgres = await startPostgres(t)
  const { host, port, urlOf } = postgres

  await t.test('who may not read it is told so', async (t) => {
    await postgres.createDatabase('locked')
    await postgres.query(
      'locked',
      `create role reader login password 'hunter22'; create table auth_user (id int, username text, password text)`,
    )
    const cases: [address: string, says: RegExp][] = [
      [urlOf('nowhere'), /it has no such database\.$/],
      [`postgres://latchkey:wrong-hunter22@${host}:${port}/locked`, /it refuses the user or the password\.$/],
      [
        `postgres://reader:hunter22@${host}:${port}/locked?options=-c%20nothing%3D1`,
        /it says: unrecognized configuration parameter/,
      ],
      [
        `postgres://reader:hunter22@${host}:${port}/locked`,
        /^Django's database cannot be read: permission denied for table auth_user\.$/,
      ],
    ]
    for (const [address, says] of cases) await t.rejects(openDjango(address, standard), { message: says })
  })

  await t.test('it is read as it was at one moment, and not written', async (t) => {
    await postgres.createDatabase('django')
    await postgres.query(
      'django',
      `
      create table auth_user (id bigserial primary key, username text, password text, date_joined timestamp, last_login timestamptz, is_active boolean);
      insert into auth_user (username, password, date_joined, last_login, is_active)
        select 'user' || n, '!', '2020-01-02 03:04:05.678901', '2024-05-06 07:08:09+02', n <> 3 from generate_series(1, 25) as n;
      update auth_user set last_login = 'infinity' where id = 2;
      create table knox_authtoken (digest varchar(128) primary key, user_id bigint references auth_user (id), created timestamptz, expiry timestamptz);
      insert into knox_authtoken values ('live', 1, now(), now() + '1 hour'), ('never', 1, now() - '1 day'::interval, 'infinity'), ('over', 1, now(), now() - '1 hour'::interval)`,
    )
    const source = await openDjango(urlOf('django'), standard)
    t.match(source, { total: 25, tablesLeftOut: [{ table: 'authtoken_token', reason: 'MISSING' }] })
    await postgres.query('django', `insert into auth_user (username, password) values ('late', '!')`)
    const accounts = []
    for await (const some of source.pages(10, page)) accounts.push(...some)
    t.strictSame(
      accounts.map(({ id }) => id),
      Array.from({ length: 25 }, (_, index) => String(index + 1)),
      'in the order of numbers, without what came later',
    )
    t.match(accounts.slice(0, 3), [
      {
        username: 'user1',
        active: true,
        superuser: false,
        joinedAt: Date.parse('2020-01-02T03:04:05.678Z'),
        lastSignInAt: Date.parse('2024-05-06T05:08:09Z'),
        tokens: [
          { stored: 'live', expiresAt: Number },
          { stored: 'never', expiresAt: null },
        ],
        otherTokens: { EXPIRED: 1 },
      },
      { lastSignInAt: null },
      { active: false },
    ])
    await source.close()
  })

  await t.test('its table may be in another schema, or have a dot in its name', async (t) => {
    await postgres.createDatabase('tenants')
    await postgres.query(
      'tenants',
      `
      create schema tenant; create schema "Two";
      create table tenant.auth_user (id uuid primary key, email text, password text, last_login timestamptz);
      insert into tenant.auth_user values ('0193b1c2-0000-7000-8000-000000000001', 'ada@example.org', '!');
      create table "a.b" (user_no int primary key, username text, password text); insert into "a.b" values (5, 'bob', '!');
      create table "Two"."my ""users" (id int, username text, password text); insert into "Two"."my ""users" values (6, 'eve', '!')`,
    )
    const cases: [table: string, expected: object][] = [
      ['tenant.auth_user', { id: '0193b1c2-0000-7000-8000-000000000001', username: 'ada@example.org' }],
      ['a.b', { id: '5', username: 'bob' }],
      ['Two.my "users', { id: '6', username: 'eve' }],
    ]
    for (const [userTable, expected] of cases) {
      const source = await openDjango(urlOf('tenants'), { ...standard, userTable })
      for await (const accounts of source.pages(10, page)) t.match(accounts, [expected])
      await source.close()
    }
    await t.rejects(openDjango(urlOf('tenants'), standard), {
      message: /look like tables of users: tenant\.auth_user\. /,
    })
    await t.rejects(openDjango(urlOf('tenants'), { ...standard, userTable: 'no.where' }), {
      message: /^There is no table no\.where\./,
    })
  })

  await t.test('a connection that is lost is told', async (t) => {
    const source = await openDjango(urlOf('django'), standard)
    const pages = source.pages(10, page)
    await pages.next()
    await postgres.query(
      'postgres',
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'latchkey import'`,
    )
    await t.rejects(pages.next(), { message: /^Django's database cannot be read: / })
    await source.close()
  })
})
