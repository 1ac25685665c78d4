// Names of URL parameters, as data.

/** Parameters of URLs whose value is about a person or opens a door. */
export const PERSONAL_PARAMETERS: ReadonlySet<string> = new Set(
  (
    "email e-mail mail user_email useremail phone tel telephone mobile firstname first_name lastname last_name fullname " +
    "full_name surname birthdate birthday dob ssn password passwd pwd pass secret client_secret token access_token " +
    "id_token refresh_token auth_token authtoken api_key apikey auth authorization session session_id sessionid " +
    "jsessionid phpsessid sid jwt otp pin signature sig"
  ).split(" "),
);
