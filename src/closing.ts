/** How long requests in flight may take once a process was told to stop. */
export const closeLimitMs = 10_000

/** How long idle connections are kept then, for requests that are under way already. */
export const closeGraceMs = 1_000

/** The same where others go on: clients have time to come back over a connection, and to be sent elsewhere. */
export const restartGraceMs = 5_000

/** How long the last log lines may take: one that nobody reads does not keep the process. */
export const flushLimitMs = 1_000
