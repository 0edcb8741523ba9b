import type { Mail } from '../auth/mails.ts'

/** The text of each kind of mail: the subject, an empty line, and what is said. Paragraphs that are a link stand alone. */
export const texts: Record<Mail['kind'], string> = {
  reset: `Subject: Set a new password

Somebody, hopefully you, asked for a new password for the account {account}.

To set one, open this link:

{link}

It works once, within {validFor}. All devices will have to sign in again.

If it was not you, there is nothing to do: nothing has changed, and without this mail nobody can set a password.
`,
  verification: `Subject: Confirm your email address

An account was made with the address {email}.

If it is yours, open this link to show that the address is, too:

{link}

It works once, within {validFor}.

If it was not you, do not open the link. There is nothing else to do.
`,
  change: `Subject: Confirm your new email address

The owner of an account asks to use the address {email} for it.

If that is you, open this link:

{link}

It works once, within {validFor}.

If it was not you, do not open the link. There is nothing else to do.
`,
  'change-asked': `Subject: Your email address is about to change

Somebody signed in to the account {account} asked to change its address to {email}, at {time} from the network address {address}.

The new address has to be confirmed first.

If it was not you, change your password now: that stops the change and signs all other devices out.
`,
  'email-changed': `Subject: Your email address was changed

The address of the account {account} is now: {email}. It was changed at {time}. Mails will not come here any more.

If it was not you, ask the operator of the service for help.
`,
  'username-changed': `Subject: Your username was changed

Your account has a new username since {time}: {account}

Sign in with it, or with this address, from now on.

If it was not you, change your password now: that signs all other devices out.
`,
  'password-changed': `Subject: Your password was changed

The password of the account {account} was changed at {time}, from the network address {address}. Other devices have to sign in again.

If it was not you, ask for a new password at once, or ask the operator of the service for help.
`,
  'new-device': `Subject: A new device signed in

Somebody signed in to the account {account} at {time}, from the network address {address}.

Device: {device}

If it was not you, change your password now: that signs all other devices out.
`,
  'token-leaked': `Subject: A token of yours was made public

A token of the account {account} was found where others can read it, and was ended at {time}.

Token: {token}

Whatever used it needs another one. Look at what was done with it before.
`,
}

/** What each kind of mail may mention. */
export function placeholdersOf(kind: Mail['kind']): string[] {
  if (kind === 'reset' || kind === 'verification' || kind === 'change') {
    return ['account', 'email', 'link', 'token', 'validFor']
  }
  return ['account', 'address', 'device', 'email', 'time', 'token']
}
