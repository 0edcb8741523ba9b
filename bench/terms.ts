/** How long each server is warmed up: the compiler of hot code is not done with Latchkey before some 50,000 requests. */
export const warmUpMs = 8_000

/** What a GraphQL client says that it takes. */
export const accepted = 'application/graphql-response+json, application/json'

/**
 * Latchkey's settings where it is compared with others: they log warnings alone and count no requests, and neither does
 * it. `bench` and `bench:peers` share them, so that a pair has the same ratio in both.
 */
export const likeOthers = { LOG_LEVEL: 'warn', RATE_LIMIT_REQUESTS: 'off' } as const
