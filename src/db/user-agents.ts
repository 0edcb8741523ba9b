import type { Kysely } from 'kysely'
import { isOnPostgres } from './engine-words.ts'
import type { Tables } from './tables.ts'

/**
 * Deletes up to `limit` that no token has any more; returns how many. In a transaction, for a token may be about to have
 * one. In SQLite triggers have done so already.
 */
export async function deleteUnusedUserAgents(db: Kysely<Tables>, limit: number): Promise<number> {
  if (!isOnPostgres(db)) return 0
  const { numDeletedRows } = await db
    .deleteFrom('latchkey_user_agents')
    .where('id', 'in', (from) =>
      from
        .selectFrom('latchkey_user_agents as agent')
        .select('agent.id')
        .where((where) =>
          where.not(
            where.exists(
              where
                .selectFrom('latchkey_tokens')
                .select('latchkey_tokens.id')
                .whereRef('user_agent_id', '=', 'agent.id'),
            ),
          ),
        )
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
