import type { Kysely } from 'kysely'
// In an application of your own: from 'latchkey'.
import { LatchkeyError, type LoaderMap, type ResolverMap, requireUser, type User } from '../../src/index.ts'
import type { Tables } from './database.ts'

interface Note {
  id: number
  user_id: string
  text: string
}

/** `@auth` has let nobody in who is not signed in; `requireUser` tells the compiler as much. */
export function createResolvers(db: Kysely<Tables>): ResolverMap {
  const notesOf = (userId: string): Promise<Note[]> =>
    db.selectFrom('notes').selectAll().where('user_id', '=', userId).orderBy('id').execute()

  return {
    Query: {
      notes: (_parent, _args, context) => notesOf(requireUser(context).user.id),
      allNotes: () => db.selectFrom('notes').selectAll().orderBy('id').execute(),
      async noteCount() {
        const { count } = await db
          .selectFrom('notes')
          .select((select) => select.fn.countAll<number>().as('count'))
          .executeTakeFirstOrThrow()
        return count
      },
    },
    Mutation: {
      async addNote(_parent, { text }: { text: string }, context) {
        if (text.trim() === '')
          throw new LatchkeyError('BAD_USER_INPUT', 'A note needs a text.', { field: 'text' })
        const note = { user_id: requireUser(context).user.id, text }
        return db.insertInto('notes').values(note).returningAll().executeTakeFirstOrThrow()
      },
    },
    User: {
      notes: (user: User) => notesOf(user.id),
    },
  }
}

/** The authors of many notes are asked for at once. */
export const loaders: LoaderMap = {
  Note: {
    author: (queries: { obj: Note }[], { auth }) => auth.findUsers(queries.map(({ obj }) => obj.user_id)),
  },
}
