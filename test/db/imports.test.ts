import t from 'tap'
import { findImported, insertImported } from '../../src/db/imports.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import { openDomain } from '../support/domain.ts'

t.test('what was imported is known by its source and its id there, as often as it is noted', async (t) => {
  const database = openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrateToLatest(database)
  const db = database.kysely
  const rows = Array.from({ length: 3_000 }, (_, index) => ({
    foreignId: String(index),
    userId: `user ${index}`,
    importedAt: 1,
  }))
  await insertImported(db, 'django:user', rows)
  await insertImported(db, 'django:user', [{ foreignId: '7', userId: 'another', importedAt: 2 }])
  await insertImported(db, 'knox:token', [{ foreignId: 'ab', userId: 'user 7', importedAt: 1 }])
  await insertImported(db, 'knox:token', [])

  const asked = ['7', '07', '2999', '3000', 'ab']
  t.same(
    [...(await findImported(db, 'django:user', asked))],
    [
      ['2999', 'user 2999'],
      ['7', 'user 7'],
    ],
  )
  t.same([...(await findImported(db, 'knox:token', asked))], [['ab', 'user 7']])
  t.equal((await findImported(db, 'drf:token', asked)).size, 0)
  t.equal(
    (
      await findImported(
        db,
        'django:user',
        rows.map((row) => row.foreignId),
      )
    ).size,
    3_000,
  )
})

t.test('what was imported is known after its user is deleted', async (t) => {
  const { auth, createUser, database } = await openDomain(t)
  const userId = await createUser('ada')
  await insertImported(database.kysely, 'django:user', [{ foreignId: '1', userId, importedAt: 1 }])
  await auth.deleteUser(userId)
  t.same([...(await findImported(database.kysely, 'django:user', ['1']))], [['1', userId]])
})
