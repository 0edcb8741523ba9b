import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { User as UserModel, Token as TokenModel } from '../auth/principal.ts';
import type { TokenPage } from '../auth/devices.ts';
import type { UserPage } from '../auth/administration.ts';
import type { AuditEvent as AuditEventModel, AuditPage } from '../auth/audit-log.ts';
import type { LatchkeyContext } from './context.ts';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type Omit<T, K extends keyof T> = Pick<T, Exclude<keyof T, K>>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A moment as RFC 3339 text in UTC with milliseconds, for example `2026-11-23T09:30:00.000Z`. */
  DateTime: { input: number; output: number; }
};

/** One record of what happened. It never holds a password or a token. */
export type AuditEvent = {
  __typename?: 'AuditEvent';
  /** The administrator who did it. */
  actorId: Maybe<Scalars['ID']['output']>;
  /** The network address it came from; an administrator's is shown to administrators alone. */
  address: Maybe<Scalars['String']['output']>;
  /** When it happened; the last time, for what was repeated. */
  at: Scalars['DateTime']['output'];
  /** How many the event is about, for example tokens that ended, or failed sign-ins in a row. */
  count: Maybe<Scalars['Int']['output']>;
  /** A word that says more, for example the role that was given. */
  detail: Maybe<Scalars['String']['output']>;
  /** What happened, in the words of OWASP's logging vocabulary, for example `authn_login_success`; `docs/administration.md` lists them. */
  event: Scalars['String']['output'];
  /** An opaque id that never changes. */
  id: Scalars['ID']['output'];
  /** The request, as the `X-Request-Id` of its answer and the log have it. */
  requestId: Maybe<Scalars['ID']['output']>;
  /** How often it happened: what is repeated within a minute is counted in one record. */
  times: Scalars['Int']['output'];
  /** The token that was issued, used or ended. */
  tokenId: Maybe<Scalars['ID']['output']>;
  /** The `User-Agent` of the request, shown as the address is. */
  userAgent: Maybe<Scalars['String']['output']>;
  /** The user whom it concerns; null where no account is known. */
  userId: Maybe<Scalars['ID']['output']>;
};

/** A page of records. */
export type AuditEventConnection = {
  __typename?: 'AuditEventConnection';
  /** The records with their cursors. */
  edges: Array<AuditEventEdge>;
  /** The records alone. */
  nodes: Array<AuditEvent>;
  /** Where this page stands. A search that had to look far may answer with fewer than asked for, and yet have a next page. */
  pageInfo: PageInfo;
};

/** A record and its place in the list. */
export type AuditEventEdge = {
  __typename?: 'AuditEventEdge';
  /** Pass it as `after` to go on behind this record. */
  cursor: Scalars['String']['output'];
  /** The record. */
  node: AuditEvent;
};

/** What to look for among the records; all that is given has to fit. */
export type AuditEventFilter = {
  /** From this network address, as it is shown. */
  address?: InputMaybe<Scalars['String']['input']>;
  /** One of these events; 1 to 20 names. */
  events?: InputMaybe<Array<Scalars['String']['input']>>;
  /** At this moment or later. */
  since?: InputMaybe<Scalars['DateTime']['input']>;
  /** Before this moment. */
  until?: InputMaybe<Scalars['DateTime']['input']>;
  /** Of this user. */
  userId?: InputMaybe<Scalars['ID']['input']>;
};

/** The answer to `changePassword`. */
export type ChangePasswordPayload = {
  __typename?: 'ChangePasswordPayload';
  /** How many other tokens were ended. */
  revokedTokens: Scalars['Int']['output'];
};

/** The answer to `confirmPassword`. */
export type ConfirmPasswordPayload = {
  __typename?: 'ConfirmPasswordPayload';
  /** The token of this request, fresh. */
  tokenInfo: Token;
};

/** The answer to `createSocketTicket`. */
export type CreateSocketTicketPayload = {
  __typename?: 'CreateSocketTicketPayload';
  /** When it stops working. */
  expiresAt: Scalars['DateTime']['output'];
  /** The ticket; it works once. */
  ticket: Scalars['String']['output'];
};

/** The answer to `createUser`. */
export type CreateUserPayload = {
  __typename?: 'CreateUserPayload';
  /** The password that was asked for. */
  temporaryPassword: Maybe<TemporaryPassword>;
  /** The new account. */
  user: User;
};

/** The answer to `deleteUser`. */
export type DeleteUserPayload = {
  __typename?: 'DeleteUserPayload';
  /** Always true. */
  deleted: Scalars['Boolean']['output'];
};

/** The answer to `deleteViewer`. */
export type DeleteViewerPayload = {
  __typename?: 'DeleteViewerPayload';
  /** Always true. */
  deleted: Scalars['Boolean']['output'];
};

/** Where a token is used, as the client described itself at sign-in. */
export type Device = {
  __typename?: 'Device';
  /** The client's own id for the device. */
  id: Maybe<Scalars['String']['output']>;
  /** For people, for example `Ada's phone`. */
  name: Maybe<Scalars['String']['output']>;
  /** For example `ios`, `android`, `web`. */
  platform: Maybe<Scalars['String']['output']>;
};

/** The device that will hold a token. */
export type DeviceInput = {
  /** The client's own id for this installation, up to 100 characters. Signing in again with it replaces the former token. */
  id?: InputMaybe<Scalars['String']['input']>;
  /** For people, up to 100 characters. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** For example `ios`, `android`, `web`; up to 50 characters. */
  platform?: InputMaybe<Scalars['String']['input']>;
};

/** Signing in and out, and managing one's own account and devices. */
export type Mutation = {
  __typename?: 'Mutation';
  /** Sets a new password. Every other token of the user ends. */
  changePassword: Maybe<ChangePasswordPayload>;
  /**
   * Proves the password anew with the token of this request, which is then fresh for fields that ask for it. Ask for it at
   * most once per request; failures count like failed sign-ins.
   */
  confirmPassword: Maybe<ConfirmPasswordPayload>;
  /**
   * A ticket that opens one WebSocket within 30 seconds, for clients that can send neither the header nor a payload:
   * `?ticket=…` behind the address. The socket acts with the token of this request, and ends with it.
   */
  createSocketTicket: Maybe<CreateSocketTicketPayload>;
  /**
   * Issues a token for a script or a machine. It may do no more than the token of this request, no password was proven with
   * it, and it does not go idle. Needs a password proven in the last 10 minutes.
   */
  createToken: Maybe<TokenAuthPayload>;
  /** Creates an account for somebody, whether or not `signUp` is open. At most once per request. */
  createUser: Maybe<CreateUserPayload>;
  /**
   * Deletes an account and what is personal about it, and ends its tokens. The last active administrator cannot be deleted.
   * One's own account asks for what `deleteViewer` does as well.
   */
  deleteUser: Maybe<DeleteUserPayload>;
  /**
   * Deletes the signed-in user's account and what is personal about it, and ends its tokens. The last active administrator
   * cannot.
   */
  deleteViewer: Maybe<DeleteViewerPayload>;
  /** Gives one of the signed-in user's tokens another name. */
  renameToken: Maybe<RenameTokenPayload>;
  /**
   * Ends a token that was found where it should not be: in a repository, a log, a chat. Whoever has it may do this, and
   * nobody learns from the answer whether there was such a token. At most once per request, and some a minute per address.
   */
  reportLeakedToken: Maybe<ReportLeakedTokenPayload>;
  /** Sends a link to the signed-in user's address that shows it to be theirs. */
  requestEmailVerification: Maybe<RequestEmailVerificationPayload>;
  /** Sends a link to set a new password to the address of an account. The answer is the same whether there is such an account. */
  requestPasswordReset: Maybe<RequestPasswordResetPayload>;
  /** Sets a new password with the token of such a link. Every token of the user ends: sign in with `tokenAuth`. */
  resetPassword: Maybe<ResetPasswordPayload>;
  /** Ends every token of the signed-in user, this request's included. */
  revokeAllTokens: Maybe<RevokeTokensPayload>;
  /** Ends every token of the signed-in user but the one of this request. */
  revokeOtherTokens: Maybe<RevokeTokensPayload>;
  /**
   * Ends a token of the signed-in user: the next request with it is refused. Without `id`, the token of this request;
   * another one needs the scope `TOKENS`.
   * Ending it twice is not an error, and an unknown id or somebody else's gets the same answer.
   * Where the token came in the cookie, that is cleared (`Clear-Site-Data` as well), as by all that ends it.
   */
  revokeToken: Maybe<RevokeTokenPayload>;
  /** Ends every token of an account, or one of them. Ending it twice is not an error. */
  revokeUserTokens: Maybe<RevokeTokensPayload>;
  /**
   * Gives the token of this request a new secret; id, name, scopes and the furthest expiry stay. The one that was sent works
   * on for 30 seconds, unless the server says otherwise, and asking with it again gets the same new token. Shown after that,
   * it ends the new one as well: two have it, and one of them should not. One that came in the cookie is replaced there.
   */
  rotateToken: Maybe<TokenAuthPayload>;
  /**
   * Disables an account, which ends its tokens, or enables it again. The next request counts already. The last active
   * administrator cannot be disabled.
   */
  setUserActive: Maybe<SetUserActivePayload>;
  /**
   * Sets a password for somebody. One that is temporary signs nobody in before its user has replaced it; any other should be
   * changed at once: it is known to two. Every token of the account ends. At most once per request. One's own account asks for
   * the scope `ACCOUNT` and a password proven in the last ten minutes as well.
   */
  setUserPassword: Maybe<SetUserPasswordPayload>;
  /** Gives an account another role, which counts from the next request on. The last active administrator stays one. */
  setUserRole: Maybe<SetUserRolePayload>;
  /**
   * Creates an account, if the server is open for it. Sign in afterwards with `tokenAuth`. An address makes some an hour;
   * more are answered `RATE_LIMITED` / `REQUESTS`.
   */
  signUp: Maybe<SignUpPayload>;
  /**
   * Signs in and issues a token for one device. Send it as `Authorization: Token <token>`.
   * Ask for it at most once per request. A token of the same user sent along is replaced, and so is the former token of
   * the same `device.id`; other devices stay signed in.
   */
  tokenAuth: Maybe<TokenAuthPayload>;
  /** Changes the signed-in user's profile. What is left out stays as it is. */
  updateViewer: Maybe<UpdateViewerPayload>;
  /** Verifies an address with the token of a link, of a new address as well. It need not be opened where one is signed in. */
  verifyEmail: Maybe<VerifyEmailPayload>;
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationChangePasswordArgs = {
  currentPassword: Scalars['String']['input'];
  newPassword: Scalars['String']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationConfirmPasswordArgs = {
  password: Scalars['String']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationCreateTokenArgs = {
  expiresIn: InputMaybe<Scalars['String']['input']>;
  name: Scalars['String']['input'];
  scopes: Array<Scope>;
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationCreateUserArgs = {
  email: InputMaybe<Scalars['String']['input']>;
  password: InputMaybe<Scalars['String']['input']>;
  role?: Role;
  temporaryPassword?: Scalars['Boolean']['input'];
  username: Scalars['String']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationDeleteUserArgs = {
  id: Scalars['ID']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationRenameTokenArgs = {
  id: Scalars['ID']['input'];
  name: Scalars['String']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationReportLeakedTokenArgs = {
  token: Scalars['String']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationRequestPasswordResetArgs = {
  username: Scalars['String']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationResetPasswordArgs = {
  newPassword: Scalars['String']['input'];
  token: Scalars['String']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationRevokeTokenArgs = {
  id: InputMaybe<Scalars['ID']['input']>;
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationRevokeUserTokensArgs = {
  id: Scalars['ID']['input'];
  tokenId: InputMaybe<Scalars['ID']['input']>;
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationSetUserActiveArgs = {
  active: Scalars['Boolean']['input'];
  id: Scalars['ID']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationSetUserPasswordArgs = {
  id: Scalars['ID']['input'];
  password: InputMaybe<Scalars['String']['input']>;
  temporaryPassword?: Scalars['Boolean']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationSetUserRoleArgs = {
  id: Scalars['ID']['input'];
  role: Role;
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationSignUpArgs = {
  email: InputMaybe<Scalars['String']['input']>;
  password: Scalars['String']['input'];
  username: Scalars['String']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationTokenAuthArgs = {
  device: InputMaybe<DeviceInput>;
  expiresIn: InputMaybe<Scalars['String']['input']>;
  newPassword: InputMaybe<Scalars['String']['input']>;
  password: Scalars['String']['input'];
  scopes: InputMaybe<Array<Scope>>;
  transport?: TokenTransport;
  username: Scalars['String']['input'];
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationUpdateViewerArgs = {
  email: InputMaybe<Scalars['String']['input']>;
  username: InputMaybe<Scalars['String']['input']>;
};


/** Signing in and out, and managing one's own account and devices. */
export type MutationVerifyEmailArgs = {
  token: Scalars['String']['input'];
};

/** Where a page stands in its list (Relay cursor connections). */
export type PageInfo = {
  __typename?: 'PageInfo';
  /** The last edge's cursor. */
  endCursor: Maybe<Scalars['String']['output']>;
  /** Whether more follow. */
  hasNextPage: Scalars['Boolean']['output'];
  /** Whether some came before. */
  hasPreviousPage: Scalars['Boolean']['output'];
  /** The first edge's cursor. */
  startCursor: Maybe<Scalars['String']['output']>;
};

/** What anyone may ask about, and what a signed-in user may read. */
export type Query = {
  __typename?: 'Query';
  /** What happened to all accounts, newest first. */
  auditEvents: Maybe<AuditEventConnection>;
  /** What this server is and how to talk to it. */
  serverInfo: ServerInfo;
  /** The account with this id; `NOT_FOUND` where there is none. */
  user: Maybe<User>;
  /** Accounts in the order of their creation or, where something is searched for, by username and then by email address. */
  users: Maybe<UserConnection>;
  /** The signed-in user. */
  viewer: Maybe<User>;
};


/** What anyone may ask about, and what a signed-in user may read. */
export type QueryAuditEventsArgs = {
  after: InputMaybe<Scalars['String']['input']>;
  filter: InputMaybe<AuditEventFilter>;
  first?: Scalars['Int']['input'];
};


/** What anyone may ask about, and what a signed-in user may read. */
export type QueryUserArgs = {
  id: Scalars['ID']['input'];
};


/** What anyone may ask about, and what a signed-in user may read. */
export type QueryUsersArgs = {
  active: InputMaybe<Scalars['Boolean']['input']>;
  after: InputMaybe<Scalars['String']['input']>;
  first?: Scalars['Int']['input'];
  role: InputMaybe<Role>;
  search: InputMaybe<Scalars['String']['input']>;
};

/** The answer to `renameToken`. */
export type RenameTokenPayload = {
  __typename?: 'RenameTokenPayload';
  /** The token with its new name. */
  tokenInfo: Token;
};

/** The answer to `reportLeakedToken`. */
export type ReportLeakedTokenPayload = {
  __typename?: 'ReportLeakedTokenPayload';
  /** Always true, whatever became of it. */
  received: Scalars['Boolean']['output'];
};

/** The answer to `requestEmailVerification`. */
export type RequestEmailVerificationPayload = {
  __typename?: 'RequestEmailVerificationPayload';
  /** False where the address is verified already, and no mail was sent. */
  requested: Scalars['Boolean']['output'];
};

/** The answer to `requestPasswordReset`. */
export type RequestPasswordResetPayload = {
  __typename?: 'RequestPasswordResetPayload';
  /** Always true. */
  requested: Scalars['Boolean']['output'];
};

/** The answer to `resetPassword`. */
export type ResetPasswordPayload = {
  __typename?: 'ResetPasswordPayload';
  /** How many tokens were ended. */
  revokedTokens: Scalars['Int']['output'];
};

/** The answer to `revokeToken`. */
export type RevokeTokenPayload = {
  __typename?: 'RevokeTokenPayload';
  /** Always true: the token, if it was yours, is ended. */
  revoked: Scalars['Boolean']['output'];
};

/** The answer to `revokeOtherTokens`, `revokeAllTokens` and `revokeUserTokens`. */
export type RevokeTokensPayload = {
  __typename?: 'RevokeTokensPayload';
  /** How many tokens were ended. */
  count: Scalars['Int']['output'];
};

/** How much a user may do. */
export type Role =
  /** May administer it as well. */
  | 'ADMIN'
  /** May use the service. */
  | 'USER';

/**
 * What a token may be used for. A sign-in holds all scopes unless it asks for fewer, an application's own included, which
 * declares them by `extend enum Scope { NOTES_WRITE }`. Whatever its scopes, a token may read `viewer { id username }`, and
 * rotate and revoke itself.
 */
export type Scope =
  /** The user's profile, email address and password, and the account itself. */
  | 'ACCOUNT'
  /** Administration; it needs the role `ADMIN` as well. */
  | 'ADMIN'
  /** The user's tokens: to list, issue, rename and revoke others than the token itself. */
  | 'TOKENS';

/** What this server is and how to talk to it. */
export type ServerInfo = {
  __typename?: 'ServerInfo';
  /** Whether it sends mail: without, no password can be reset and no address verified. */
  mail: Scalars['Boolean']['output'];
  /** Always `latchkey`. */
  name: Scalars['String']['output'];
  /** The fewest characters a new password may have. */
  passwordMinLength: Scalars['Int']['output'];
  /** Whether `signUp` is open. */
  signUp: SignUpPolicy;
  /** Whether `tokenAuth(transport: COOKIE)` is to be had. */
  tokenCookie: Scalars['Boolean']['output'];
  /** The header that carries the token. */
  tokenHeader: Scalars['String']['output'];
  /** The word that goes before the token in the header. */
  tokenScheme: Scalars['String']['output'];
  /** The server's version (semantic versioning). */
  version: Scalars['String']['output'];
};

/** The answer to `setUserActive`. */
export type SetUserActivePayload = {
  __typename?: 'SetUserActivePayload';
  /** How many tokens were ended. */
  revokedTokens: Scalars['Int']['output'];
  /** The account as it is now. */
  user: User;
};

/** The answer to `setUserPassword`. */
export type SetUserPasswordPayload = {
  __typename?: 'SetUserPasswordPayload';
  /** How many tokens were ended. */
  revokedTokens: Scalars['Int']['output'];
  /** The password that was asked for. */
  temporaryPassword: Maybe<TemporaryPassword>;
};

/** The answer to `setUserRole`. */
export type SetUserRolePayload = {
  __typename?: 'SetUserRolePayload';
  /** The account as it is now. */
  user: User;
};

/** The answer to `signUp`. */
export type SignUpPayload = {
  __typename?: 'SignUpPayload';
  /** The new account's id. */
  id: Scalars['ID']['output'];
  /** The username as it was stored. */
  username: Scalars['String']['output'];
};

/** Whether people may create accounts themselves. */
export type SignUpPolicy =
  /** Accounts are created by the operator. */
  | 'CLOSED'
  /** Anyone may call `signUp`. */
  | 'OPEN';

/** What a client is told of over a WebSocket, as it happens. The socket closes with the token that opened it. */
export type Subscription = {
  __typename?: 'Subscription';
  /** What happens to all accounts, within seconds. */
  auditEventAdded: Maybe<AuditEvent>;
  /** The signed-in user, each time the account or its tokens have changed. Several changes at once may be one event. */
  viewerTokensChanged: Maybe<User>;
};

/** A password that works once: `tokenAuth` takes it together with a `newPassword`. This answer is the only place where it is shown. */
export type TemporaryPassword = {
  __typename?: 'TemporaryPassword';
  /** When it stops working. */
  expiresAt: Scalars['DateTime']['output'];
  /** The password. */
  password: Scalars['String']['output'];
};

/** A token as its owner sees it. The secret itself is never shown again. */
export type Token = {
  __typename?: 'Token';
  /** When it was issued. */
  createdAt: Scalars['DateTime']['output'];
  /** Whether this very request uses it. */
  current: Scalars['Boolean']['output'];
  /** Where the token is used. */
  device: Device;
  /** When it ends, unless it is renewed by use before. */
  expiresAt: Scalars['DateTime']['output'];
  /** An opaque id that never changes; `revokeToken` and `renameToken` take it. */
  id: Scalars['ID']['output'];
  /** Where it comes from. */
  kind: TokenKind;
  /** The network address it was last used from, or else issued to. */
  lastUsedAddress: Maybe<Scalars['String']['output']>;
  /** When it last authenticated a request, to within a few seconds; null before the first. */
  lastUsedAt: Maybe<Scalars['DateTime']['output']>;
  /** What the owner calls it: the device's name unless renamed. */
  name: Scalars['String']['output'];
  /** When the password was last proven with it; null for never. */
  provenAt: Maybe<Scalars['DateTime']['output']>;
  /** What it may be used for. */
  scopes: Array<Scope>;
  /** The `User-Agent` it was issued to. */
  userAgent: Maybe<Scalars['String']['output']>;
};

/** A fresh token. This answer is the only place where it is shown. */
export type TokenAuthPayload = {
  __typename?: 'TokenAuthPayload';
  /**
   * The token: send it as `Authorization: Token <token>`. Store it as you would a password. Null if, and only if, it went into
   * the cookie: with `transport: COOKIE`, and when one that came in the cookie was rotated.
   */
  token: Maybe<Scalars['String']['output']>;
  /** What is known about the token. */
  tokenInfo: Token;
  /** Who is signed in. */
  user: User;
};

/** A page of tokens. */
export type TokenConnection = {
  __typename?: 'TokenConnection';
  /** The tokens with their cursors. */
  edges: Array<TokenEdge>;
  /** The tokens alone. */
  nodes: Array<Token>;
  /** Where this page stands. */
  pageInfo: PageInfo;
  /** How many live tokens there are on all pages. */
  totalCount: Scalars['Int']['output'];
};

/** A token and its place in the list. */
export type TokenEdge = {
  __typename?: 'TokenEdge';
  /** Pass it as `after` to go on behind this token. */
  cursor: Scalars['String']['output'];
  /** The token. */
  node: Token;
};

/** Where a token comes from. */
export type TokenKind =
  /** A sign-in with a password, on one device. */
  | 'DEVICE'
  /** Its user, by `createToken`, for a script or a machine. */
  | 'PERSONAL'
  /** The operator of the server, for a machine. */
  | 'SERVICE';

/** How a token travels between a client and the server. */
export type TokenTransport =
  /**
   * In a cookie that the browser keeps, sends by itself and shows to no script. The answer has no token. Requests that come
   * with the cookie and no token header are answered `FORBIDDEN` / `CSRF` unless a page of the server's own origin, or of one
   * in `CORS_ORIGINS`, sent them. Needs HTTPS, or http://localhost.
   */
  | 'COOKIE'
  /** In the answer, and from then on in the header of requests: for applications, scripts, and pages of another site. */
  | 'TOKEN';

/** The answer to `updateViewer`. */
export type UpdateViewerPayload = {
  __typename?: 'UpdateViewerPayload';
  /** The address that a link was sent to, which is not the user's before that is opened. */
  pendingEmail: Maybe<Scalars['String']['output']>;
  /** The profile as it is now. */
  user: User;
};

/** Somebody with an account. */
export type User = {
  __typename?: 'User';
  /** Whether the account is not disabled. For the user (scope `ACCOUNT`) and administrators (scope `ADMIN`) only. */
  active: Maybe<Scalars['Boolean']['output']>;
  /** What happened to the account, newest first. For the user and administrators only. */
  auditEvents: Maybe<AuditEventConnection>;
  /** When the account was created. */
  createdAt: Scalars['DateTime']['output'];
  /** The email address, if one is known. For the user (scope `ACCOUNT`) and administrators (scope `ADMIN`) only. */
  email: Maybe<Scalars['String']['output']>;
  /** Whether the user has shown that the address is theirs. For the user and administrators only. */
  emailVerified: Maybe<Scalars['Boolean']['output']>;
  /** An opaque id that never changes. */
  id: Scalars['ID']['output'];
  /** When the user last signed in. For the user (scope `ACCOUNT`) and administrators (scope `ADMIN`) only. */
  lastSignInAt: Maybe<Scalars['DateTime']['output']>;
  /** What the user may do. */
  role: Role;
  /** The live tokens of the user, newest first. For the user (scope `TOKENS`) and administrators (scope `ADMIN`) only. */
  tokens: Maybe<TokenConnection>;
  /** The name as it was written at sign-up. */
  username: Scalars['String']['output'];
};


/** Somebody with an account. */
export type UserAuditEventsArgs = {
  after: InputMaybe<Scalars['String']['input']>;
  first?: Scalars['Int']['input'];
};


/** Somebody with an account. */
export type UserTokensArgs = {
  after: InputMaybe<Scalars['String']['input']>;
  first?: Scalars['Int']['input'];
};

/** A page of accounts. */
export type UserConnection = {
  __typename?: 'UserConnection';
  /** The accounts with their cursors. */
  edges: Array<UserEdge>;
  /** The accounts alone. */
  nodes: Array<User>;
  /** Where this page stands. A search that had to look far may answer with fewer than asked for, and yet have a next page. */
  pageInfo: PageInfo;
};

/** An account and its place in the list. */
export type UserEdge = {
  __typename?: 'UserEdge';
  /** Pass it as `after` to go on behind this account. */
  cursor: Scalars['String']['output'];
  /** The account. */
  node: User;
};

/** The answer to `verifyEmail`. */
export type VerifyEmailPayload = {
  __typename?: 'VerifyEmailPayload';
  /** The address, which is verified now. */
  email: Scalars['String']['output'];
};



export type ResolverTypeWrapper<T> = Promise<T> | T;


export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;





/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  AuditEvent: ResolverTypeWrapper<AuditEventModel>;
  AuditEventConnection: ResolverTypeWrapper<AuditPage>;
  AuditEventEdge: ResolverTypeWrapper<Omit<AuditEventEdge, 'node'> & { node: ResolversTypes['AuditEvent'] }>;
  AuditEventFilter: AuditEventFilter;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  ChangePasswordPayload: ResolverTypeWrapper<ChangePasswordPayload>;
  ConfirmPasswordPayload: ResolverTypeWrapper<Omit<ConfirmPasswordPayload, 'tokenInfo'> & { tokenInfo: ResolversTypes['Token'] }>;
  CreateSocketTicketPayload: ResolverTypeWrapper<CreateSocketTicketPayload>;
  CreateUserPayload: ResolverTypeWrapper<Omit<CreateUserPayload, 'user'> & { user: ResolversTypes['User'] }>;
  DateTime: ResolverTypeWrapper<Scalars['DateTime']['output']>;
  DeleteUserPayload: ResolverTypeWrapper<DeleteUserPayload>;
  DeleteViewerPayload: ResolverTypeWrapper<DeleteViewerPayload>;
  Device: ResolverTypeWrapper<Device>;
  DeviceInput: DeviceInput;
  ID: ResolverTypeWrapper<Scalars['ID']['output']>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  Mutation: ResolverTypeWrapper<Record<PropertyKey, never>>;
  PageInfo: ResolverTypeWrapper<PageInfo>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  RenameTokenPayload: ResolverTypeWrapper<Omit<RenameTokenPayload, 'tokenInfo'> & { tokenInfo: ResolversTypes['Token'] }>;
  ReportLeakedTokenPayload: ResolverTypeWrapper<ReportLeakedTokenPayload>;
  RequestEmailVerificationPayload: ResolverTypeWrapper<RequestEmailVerificationPayload>;
  RequestPasswordResetPayload: ResolverTypeWrapper<RequestPasswordResetPayload>;
  ResetPasswordPayload: ResolverTypeWrapper<ResetPasswordPayload>;
  RevokeTokenPayload: ResolverTypeWrapper<RevokeTokenPayload>;
  RevokeTokensPayload: ResolverTypeWrapper<RevokeTokensPayload>;
  Role: Role;
  Scope: Scope;
  ServerInfo: ResolverTypeWrapper<ServerInfo>;
  SetUserActivePayload: ResolverTypeWrapper<Omit<SetUserActivePayload, 'user'> & { user: ResolversTypes['User'] }>;
  SetUserPasswordPayload: ResolverTypeWrapper<SetUserPasswordPayload>;
  SetUserRolePayload: ResolverTypeWrapper<Omit<SetUserRolePayload, 'user'> & { user: ResolversTypes['User'] }>;
  SignUpPayload: ResolverTypeWrapper<SignUpPayload>;
  SignUpPolicy: SignUpPolicy;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
  Subscription: ResolverTypeWrapper<Record<PropertyKey, never>>;
  TemporaryPassword: ResolverTypeWrapper<TemporaryPassword>;
  Token: ResolverTypeWrapper<TokenModel>;
  TokenAuthPayload: ResolverTypeWrapper<Omit<TokenAuthPayload, 'tokenInfo' | 'user'> & { tokenInfo: ResolversTypes['Token'], user: ResolversTypes['User'] }>;
  TokenConnection: ResolverTypeWrapper<TokenPage>;
  TokenEdge: ResolverTypeWrapper<Omit<TokenEdge, 'node'> & { node: ResolversTypes['Token'] }>;
  TokenKind: TokenKind;
  TokenTransport: TokenTransport;
  UpdateViewerPayload: ResolverTypeWrapper<Omit<UpdateViewerPayload, 'user'> & { user: ResolversTypes['User'] }>;
  User: ResolverTypeWrapper<UserModel>;
  UserConnection: ResolverTypeWrapper<UserPage>;
  UserEdge: ResolverTypeWrapper<Omit<UserEdge, 'node'> & { node: ResolversTypes['User'] }>;
  VerifyEmailPayload: ResolverTypeWrapper<VerifyEmailPayload>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  AuditEvent: AuditEventModel;
  AuditEventConnection: AuditPage;
  AuditEventEdge: Omit<AuditEventEdge, 'node'> & { node: ResolversParentTypes['AuditEvent'] };
  AuditEventFilter: AuditEventFilter;
  Boolean: Scalars['Boolean']['output'];
  ChangePasswordPayload: ChangePasswordPayload;
  ConfirmPasswordPayload: Omit<ConfirmPasswordPayload, 'tokenInfo'> & { tokenInfo: ResolversParentTypes['Token'] };
  CreateSocketTicketPayload: CreateSocketTicketPayload;
  CreateUserPayload: Omit<CreateUserPayload, 'user'> & { user: ResolversParentTypes['User'] };
  DateTime: Scalars['DateTime']['output'];
  DeleteUserPayload: DeleteUserPayload;
  DeleteViewerPayload: DeleteViewerPayload;
  Device: Device;
  DeviceInput: DeviceInput;
  ID: Scalars['ID']['output'];
  Int: Scalars['Int']['output'];
  Mutation: Record<PropertyKey, never>;
  PageInfo: PageInfo;
  Query: Record<PropertyKey, never>;
  RenameTokenPayload: Omit<RenameTokenPayload, 'tokenInfo'> & { tokenInfo: ResolversParentTypes['Token'] };
  ReportLeakedTokenPayload: ReportLeakedTokenPayload;
  RequestEmailVerificationPayload: RequestEmailVerificationPayload;
  RequestPasswordResetPayload: RequestPasswordResetPayload;
  ResetPasswordPayload: ResetPasswordPayload;
  RevokeTokenPayload: RevokeTokenPayload;
  RevokeTokensPayload: RevokeTokensPayload;
  ServerInfo: ServerInfo;
  SetUserActivePayload: Omit<SetUserActivePayload, 'user'> & { user: ResolversParentTypes['User'] };
  SetUserPasswordPayload: SetUserPasswordPayload;
  SetUserRolePayload: Omit<SetUserRolePayload, 'user'> & { user: ResolversParentTypes['User'] };
  SignUpPayload: SignUpPayload;
  String: Scalars['String']['output'];
  Subscription: Record<PropertyKey, never>;
  TemporaryPassword: TemporaryPassword;
  Token: TokenModel;
  TokenAuthPayload: Omit<TokenAuthPayload, 'tokenInfo' | 'user'> & { tokenInfo: ResolversParentTypes['Token'], user: ResolversParentTypes['User'] };
  TokenConnection: TokenPage;
  TokenEdge: Omit<TokenEdge, 'node'> & { node: ResolversParentTypes['Token'] };
  UpdateViewerPayload: Omit<UpdateViewerPayload, 'user'> & { user: ResolversParentTypes['User'] };
  User: UserModel;
  UserConnection: UserPage;
  UserEdge: Omit<UserEdge, 'node'> & { node: ResolversParentTypes['User'] };
  VerifyEmailPayload: VerifyEmailPayload;
};

export type AuthDirectiveArgs = {
  fresh: Maybe<Scalars['String']['input']>;
  role?: Maybe<Role>;
  scopes: Maybe<Array<Scope>>;
};

export type AuthDirectiveResolver<Result, Parent, ContextType = LatchkeyContext, Args = AuthDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type PublicDirectiveArgs = { };

export type PublicDirectiveResolver<Result, Parent, ContextType = LatchkeyContext, Args = PublicDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type AuditEventResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['AuditEvent'] = ResolversParentTypes['AuditEvent']> = {
  actorId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  address?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  at?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  count?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
  detail?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  event?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  requestId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  times?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  tokenId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  userAgent?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  userId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
};

export type AuditEventConnectionResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['AuditEventConnection'] = ResolversParentTypes['AuditEventConnection']> = {
  edges?: Resolver<Array<ResolversTypes['AuditEventEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['AuditEvent']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type AuditEventEdgeResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['AuditEventEdge'] = ResolversParentTypes['AuditEventEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['AuditEvent'], ParentType, ContextType>;
};

export type ChangePasswordPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['ChangePasswordPayload'] = ResolversParentTypes['ChangePasswordPayload']> = {
  revokedTokens?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type ConfirmPasswordPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['ConfirmPasswordPayload'] = ResolversParentTypes['ConfirmPasswordPayload']> = {
  tokenInfo?: Resolver<ResolversTypes['Token'], ParentType, ContextType>;
};

export type CreateSocketTicketPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['CreateSocketTicketPayload'] = ResolversParentTypes['CreateSocketTicketPayload']> = {
  expiresAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  ticket?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type CreateUserPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['CreateUserPayload'] = ResolversParentTypes['CreateUserPayload']> = {
  temporaryPassword?: Resolver<Maybe<ResolversTypes['TemporaryPassword']>, ParentType, ContextType>;
  user?: Resolver<ResolversTypes['User'], ParentType, ContextType>;
};

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export type DeleteUserPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['DeleteUserPayload'] = ResolversParentTypes['DeleteUserPayload']> = {
  deleted?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export type DeleteViewerPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['DeleteViewerPayload'] = ResolversParentTypes['DeleteViewerPayload']> = {
  deleted?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export type DeviceResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['Device'] = ResolversParentTypes['Device']> = {
  id?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  name?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  platform?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type MutationResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['Mutation'] = ResolversParentTypes['Mutation']> = {
  changePassword?: Resolver<Maybe<ResolversTypes['ChangePasswordPayload']>, ParentType, ContextType, RequireFields<MutationChangePasswordArgs, 'currentPassword' | 'newPassword'>>;
  confirmPassword?: Resolver<Maybe<ResolversTypes['ConfirmPasswordPayload']>, ParentType, ContextType, RequireFields<MutationConfirmPasswordArgs, 'password'>>;
  createSocketTicket?: Resolver<Maybe<ResolversTypes['CreateSocketTicketPayload']>, ParentType, ContextType>;
  createToken?: Resolver<Maybe<ResolversTypes['TokenAuthPayload']>, ParentType, ContextType, RequireFields<MutationCreateTokenArgs, 'name' | 'scopes'>>;
  createUser?: Resolver<Maybe<ResolversTypes['CreateUserPayload']>, ParentType, ContextType, RequireFields<MutationCreateUserArgs, 'role' | 'temporaryPassword' | 'username'>>;
  deleteUser?: Resolver<Maybe<ResolversTypes['DeleteUserPayload']>, ParentType, ContextType, RequireFields<MutationDeleteUserArgs, 'id'>>;
  deleteViewer?: Resolver<Maybe<ResolversTypes['DeleteViewerPayload']>, ParentType, ContextType>;
  renameToken?: Resolver<Maybe<ResolversTypes['RenameTokenPayload']>, ParentType, ContextType, RequireFields<MutationRenameTokenArgs, 'id' | 'name'>>;
  reportLeakedToken?: Resolver<Maybe<ResolversTypes['ReportLeakedTokenPayload']>, ParentType, ContextType, RequireFields<MutationReportLeakedTokenArgs, 'token'>>;
  requestEmailVerification?: Resolver<Maybe<ResolversTypes['RequestEmailVerificationPayload']>, ParentType, ContextType>;
  requestPasswordReset?: Resolver<Maybe<ResolversTypes['RequestPasswordResetPayload']>, ParentType, ContextType, RequireFields<MutationRequestPasswordResetArgs, 'username'>>;
  resetPassword?: Resolver<Maybe<ResolversTypes['ResetPasswordPayload']>, ParentType, ContextType, RequireFields<MutationResetPasswordArgs, 'newPassword' | 'token'>>;
  revokeAllTokens?: Resolver<Maybe<ResolversTypes['RevokeTokensPayload']>, ParentType, ContextType>;
  revokeOtherTokens?: Resolver<Maybe<ResolversTypes['RevokeTokensPayload']>, ParentType, ContextType>;
  revokeToken?: Resolver<Maybe<ResolversTypes['RevokeTokenPayload']>, ParentType, ContextType, Partial<MutationRevokeTokenArgs>>;
  revokeUserTokens?: Resolver<Maybe<ResolversTypes['RevokeTokensPayload']>, ParentType, ContextType, RequireFields<MutationRevokeUserTokensArgs, 'id'>>;
  rotateToken?: Resolver<Maybe<ResolversTypes['TokenAuthPayload']>, ParentType, ContextType>;
  setUserActive?: Resolver<Maybe<ResolversTypes['SetUserActivePayload']>, ParentType, ContextType, RequireFields<MutationSetUserActiveArgs, 'active' | 'id'>>;
  setUserPassword?: Resolver<Maybe<ResolversTypes['SetUserPasswordPayload']>, ParentType, ContextType, RequireFields<MutationSetUserPasswordArgs, 'id' | 'temporaryPassword'>>;
  setUserRole?: Resolver<Maybe<ResolversTypes['SetUserRolePayload']>, ParentType, ContextType, RequireFields<MutationSetUserRoleArgs, 'id' | 'role'>>;
  signUp?: Resolver<Maybe<ResolversTypes['SignUpPayload']>, ParentType, ContextType, RequireFields<MutationSignUpArgs, 'password' | 'username'>>;
  tokenAuth?: Resolver<Maybe<ResolversTypes['TokenAuthPayload']>, ParentType, ContextType, RequireFields<MutationTokenAuthArgs, 'password' | 'transport' | 'username'>>;
  updateViewer?: Resolver<Maybe<ResolversTypes['UpdateViewerPayload']>, ParentType, ContextType, Partial<MutationUpdateViewerArgs>>;
  verifyEmail?: Resolver<Maybe<ResolversTypes['VerifyEmailPayload']>, ParentType, ContextType, RequireFields<MutationVerifyEmailArgs, 'token'>>;
};

export type PageInfoResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['PageInfo'] = ResolversParentTypes['PageInfo']> = {
  endCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  hasNextPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  hasPreviousPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type QueryResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  auditEvents?: Resolver<Maybe<ResolversTypes['AuditEventConnection']>, ParentType, ContextType, RequireFields<QueryAuditEventsArgs, 'first'>>;
  serverInfo?: Resolver<ResolversTypes['ServerInfo'], ParentType, ContextType>;
  user?: Resolver<Maybe<ResolversTypes['User']>, ParentType, ContextType, RequireFields<QueryUserArgs, 'id'>>;
  users?: Resolver<Maybe<ResolversTypes['UserConnection']>, ParentType, ContextType, RequireFields<QueryUsersArgs, 'first'>>;
  viewer?: Resolver<Maybe<ResolversTypes['User']>, ParentType, ContextType>;
};

export type RenameTokenPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['RenameTokenPayload'] = ResolversParentTypes['RenameTokenPayload']> = {
  tokenInfo?: Resolver<ResolversTypes['Token'], ParentType, ContextType>;
};

export type ReportLeakedTokenPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['ReportLeakedTokenPayload'] = ResolversParentTypes['ReportLeakedTokenPayload']> = {
  received?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export type RequestEmailVerificationPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['RequestEmailVerificationPayload'] = ResolversParentTypes['RequestEmailVerificationPayload']> = {
  requested?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export type RequestPasswordResetPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['RequestPasswordResetPayload'] = ResolversParentTypes['RequestPasswordResetPayload']> = {
  requested?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export type ResetPasswordPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['ResetPasswordPayload'] = ResolversParentTypes['ResetPasswordPayload']> = {
  revokedTokens?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type RevokeTokenPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['RevokeTokenPayload'] = ResolversParentTypes['RevokeTokenPayload']> = {
  revoked?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
};

export type RevokeTokensPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['RevokeTokensPayload'] = ResolversParentTypes['RevokeTokensPayload']> = {
  count?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type ServerInfoResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['ServerInfo'] = ResolversParentTypes['ServerInfo']> = {
  mail?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  passwordMinLength?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  signUp?: Resolver<ResolversTypes['SignUpPolicy'], ParentType, ContextType>;
  tokenCookie?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  tokenHeader?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  tokenScheme?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  version?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type SetUserActivePayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['SetUserActivePayload'] = ResolversParentTypes['SetUserActivePayload']> = {
  revokedTokens?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  user?: Resolver<ResolversTypes['User'], ParentType, ContextType>;
};

export type SetUserPasswordPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['SetUserPasswordPayload'] = ResolversParentTypes['SetUserPasswordPayload']> = {
  revokedTokens?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  temporaryPassword?: Resolver<Maybe<ResolversTypes['TemporaryPassword']>, ParentType, ContextType>;
};

export type SetUserRolePayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['SetUserRolePayload'] = ResolversParentTypes['SetUserRolePayload']> = {
  user?: Resolver<ResolversTypes['User'], ParentType, ContextType>;
};

export type SignUpPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['SignUpPayload'] = ResolversParentTypes['SignUpPayload']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  username?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type SubscriptionResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['Subscription'] = ResolversParentTypes['Subscription']> = {
  auditEventAdded?: SubscriptionResolver<Maybe<ResolversTypes['AuditEvent']>, "auditEventAdded", ParentType, ContextType>;
  viewerTokensChanged?: SubscriptionResolver<Maybe<ResolversTypes['User']>, "viewerTokensChanged", ParentType, ContextType>;
};

export type TemporaryPasswordResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['TemporaryPassword'] = ResolversParentTypes['TemporaryPassword']> = {
  expiresAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  password?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type TokenResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['Token'] = ResolversParentTypes['Token']> = {
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  current?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  device?: Resolver<ResolversTypes['Device'], ParentType, ContextType>;
  expiresAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  kind?: Resolver<ResolversTypes['TokenKind'], ParentType, ContextType>;
  lastUsedAddress?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  lastUsedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  provenAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  scopes?: Resolver<Array<ResolversTypes['Scope']>, ParentType, ContextType>;
  userAgent?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type TokenAuthPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['TokenAuthPayload'] = ResolversParentTypes['TokenAuthPayload']> = {
  token?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  tokenInfo?: Resolver<ResolversTypes['Token'], ParentType, ContextType>;
  user?: Resolver<ResolversTypes['User'], ParentType, ContextType>;
};

export type TokenConnectionResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['TokenConnection'] = ResolversParentTypes['TokenConnection']> = {
  edges?: Resolver<Array<ResolversTypes['TokenEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Token']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type TokenEdgeResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['TokenEdge'] = ResolversParentTypes['TokenEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Token'], ParentType, ContextType>;
};

export type UpdateViewerPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['UpdateViewerPayload'] = ResolversParentTypes['UpdateViewerPayload']> = {
  pendingEmail?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  user?: Resolver<ResolversTypes['User'], ParentType, ContextType>;
};

export type UserResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['User'] = ResolversParentTypes['User']> = {
  active?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  auditEvents?: Resolver<Maybe<ResolversTypes['AuditEventConnection']>, ParentType, ContextType, RequireFields<UserAuditEventsArgs, 'first'>>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  email?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  emailVerified?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  lastSignInAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  role?: Resolver<ResolversTypes['Role'], ParentType, ContextType>;
  tokens?: Resolver<Maybe<ResolversTypes['TokenConnection']>, ParentType, ContextType, RequireFields<UserTokensArgs, 'first'>>;
  username?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type UserConnectionResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['UserConnection'] = ResolversParentTypes['UserConnection']> = {
  edges?: Resolver<Array<ResolversTypes['UserEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['User']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
};

export type UserEdgeResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['UserEdge'] = ResolversParentTypes['UserEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['User'], ParentType, ContextType>;
};

export type VerifyEmailPayloadResolvers<ContextType = LatchkeyContext, ParentType extends ResolversParentTypes['VerifyEmailPayload'] = ResolversParentTypes['VerifyEmailPayload']> = {
  email?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type Resolvers<ContextType = LatchkeyContext> = {
  AuditEvent?: AuditEventResolvers<ContextType>;
  AuditEventConnection?: AuditEventConnectionResolvers<ContextType>;
  AuditEventEdge?: AuditEventEdgeResolvers<ContextType>;
  ChangePasswordPayload?: ChangePasswordPayloadResolvers<ContextType>;
  ConfirmPasswordPayload?: ConfirmPasswordPayloadResolvers<ContextType>;
  CreateSocketTicketPayload?: CreateSocketTicketPayloadResolvers<ContextType>;
  CreateUserPayload?: CreateUserPayloadResolvers<ContextType>;
  DateTime?: GraphQLScalarType;
  DeleteUserPayload?: DeleteUserPayloadResolvers<ContextType>;
  DeleteViewerPayload?: DeleteViewerPayloadResolvers<ContextType>;
  Device?: DeviceResolvers<ContextType>;
  Mutation?: MutationResolvers<ContextType>;
  PageInfo?: PageInfoResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  RenameTokenPayload?: RenameTokenPayloadResolvers<ContextType>;
  ReportLeakedTokenPayload?: ReportLeakedTokenPayloadResolvers<ContextType>;
  RequestEmailVerificationPayload?: RequestEmailVerificationPayloadResolvers<ContextType>;
  RequestPasswordResetPayload?: RequestPasswordResetPayloadResolvers<ContextType>;
  ResetPasswordPayload?: ResetPasswordPayloadResolvers<ContextType>;
  RevokeTokenPayload?: RevokeTokenPayloadResolvers<ContextType>;
  RevokeTokensPayload?: RevokeTokensPayloadResolvers<ContextType>;
  ServerInfo?: ServerInfoResolvers<ContextType>;
  SetUserActivePayload?: SetUserActivePayloadResolvers<ContextType>;
  SetUserPasswordPayload?: SetUserPasswordPayloadResolvers<ContextType>;
  SetUserRolePayload?: SetUserRolePayloadResolvers<ContextType>;
  SignUpPayload?: SignUpPayloadResolvers<ContextType>;
  Subscription?: SubscriptionResolvers<ContextType>;
  TemporaryPassword?: TemporaryPasswordResolvers<ContextType>;
  Token?: TokenResolvers<ContextType>;
  TokenAuthPayload?: TokenAuthPayloadResolvers<ContextType>;
  TokenConnection?: TokenConnectionResolvers<ContextType>;
  TokenEdge?: TokenEdgeResolvers<ContextType>;
  UpdateViewerPayload?: UpdateViewerPayloadResolvers<ContextType>;
  User?: UserResolvers<ContextType>;
  UserConnection?: UserConnectionResolvers<ContextType>;
  UserEdge?: UserEdgeResolvers<ContextType>;
  VerifyEmailPayload?: VerifyEmailPayloadResolvers<ContextType>;
};

export type DirectiveResolvers<ContextType = LatchkeyContext> = {
  auth?: AuthDirectiveResolver<any, any, ContextType>;
  public?: PublicDirectiveResolver<any, any, ContextType>;
};
