/** `latchkey/client`: a token over its life, for any GraphQL client. */
export { authOperations, type Credentials, type SignInRequest } from './api.ts'
export { type Auth, type AuthOptions, type Authorization, createAuth } from './auth.ts'
export { type AnswerError, AuthError, findRefusal } from './errors.ts'
export type { IssuedToken } from './held-token.ts'
export type { AuthEvent } from './keeper.ts'
export {
  cookieStorage,
  memoryStorage,
  type TokenStorage,
  type WebStorageArea,
  webStorage,
} from './storage.ts'
