import type { TestDomain } from './domain.ts'

/** A token that was issued without a sign-in. */
export interface StockedToken {
  userId: string
  username: string
  token: string
  tokenId: string
  expiresAt: number
}

/**
 * Issues tokens by the thousand, `each` to every one of `users` new accounts without a password: signing in would cost a
 * hash per token. Tokens of one user stand next to each other. They are not noted as secrets one by one, for the search
 * of the log knows any token by its form.
 */
export async function stockTokens(
  { auth, database }: TestDomain,
  users: number,
  each: number,
  expiresIn: string | null = null,
): Promise<StockedToken[]> {
  const batch = ++batches
  const stock: StockedToken[] = []
  for (let count = 0; count < users; count++) {
    const username = `stock${batch}-${count}`
    await auth.createUser({ username, password: null })
    const user = await auth.findUser(username)
    if (user === undefined) throw new Error('the account is not there')
    stock.push(
      ...(await database.transaction(async (db) => {
        const issued: StockedToken[] = []
        for (let index = 0; index < each; index++) {
          const answer = await auth.issueToken(db, { user, device, name: null, expiresIn, origin })
          if (answer === undefined) throw new Error('the account has too many tokens')
          const { token, tokenInfo } = answer
          issued.push({
            userId: user.id,
            username,
            token,
            tokenId: tokenInfo.id,
            expiresAt: tokenInfo.expiresAt,
          })
        }
        return issued
      })),
    )
  }
  return stock
}

let batches = 0
const device = { id: null, name: null, platform: null }
const origin = { address: null, userAgent: null }
