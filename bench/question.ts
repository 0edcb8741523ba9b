/** What a benchmark asks, as variants that are measured in turn. */
export interface Question {
  title: string
  /** The variant that the others are compared with. */
  subject: string
  /** Files of `servers/`. */
  servers: readonly string[]
  variants: readonly Variant[]
}

/** One request of one server. */
export interface Variant {
  name: string
  server: string
  query: string
  /** Whether the tokens that the server has announced are sent in turn. */
  signedIn?: true
  /** What each answer has to hold. */
  expected: string
}
