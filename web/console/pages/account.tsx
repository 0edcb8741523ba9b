import { Page } from '../parts/page.tsx'
import { DeleteAccount } from './account/delete-account.tsx'
import { EmailForm } from './account/email-form.tsx'
import { PasswordForm } from './account/password-form.tsx'
import { UsernameForm } from './account/username-form.tsx'

/** The reader's profile, password, and the end of the account. */
export function AccountPage() {
  return (
    <Page title="Account" about="Who you are here, and how you sign in.">
      <UsernameForm />
      <EmailForm />
      <PasswordForm />
      <DeleteAccount />
    </Page>
  )
}
