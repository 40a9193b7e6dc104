//! The steps of the first login, by the manual's own numbers.

use serde::{Deserialize, Serialize};

/// A step as a status page shows it. Steps 1 and 12, opening the portal, leave no trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// 2: ログイン with the initial credentials.
    SignIn,
    /// 3: 生年月日.
    BirthDate,
    /// 4: 注意事項, only where the policy asks for it.
    Terms,
    /// 5: メールアドレス.
    Email,
    /// 6: the mail's link.
    EmailLink,
    /// 7: 更新.
    EmailUpdate,
    /// 8: 認証方法.
    OtpMethod,
    /// 9: a password of the member's own.
    Password,
    /// 10: 初回ログインが完了しました.
    FirstLoginCompleted,
    /// 11: ログアウト.
    LogOut,
    /// 13: ログイン with the new password.
    SignInAgain,
    /// 14: the one-time password.
    Otp,
    /// 15: 以上で設定が完了しました.
    Completed,
}

impl Step {
    /// All steps in their order.
    pub const ALL: [Self; 13] = [
        Self::SignIn,
        Self::BirthDate,
        Self::Terms,
        Self::Email,
        Self::EmailLink,
        Self::EmailUpdate,
        Self::OtpMethod,
        Self::Password,
        Self::FirstLoginCompleted,
        Self::LogOut,
        Self::SignInAgain,
        Self::Otp,
        Self::Completed,
    ];

    /// The manual's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::SignIn => 2,
            Self::BirthDate => 3,
            Self::Terms => 4,
            Self::Email => 5,
            Self::EmailLink => 6,
            Self::EmailUpdate => 7,
            Self::OtpMethod => 8,
            Self::Password => 9,
            Self::FirstLoginCompleted => 10,
            Self::LogOut => 11,
            Self::SignInAgain => 13,
            Self::Otp => 14,
            Self::Completed => 15,
        }
    }

    /// The name that programs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::BirthDate => "birth_date",
            Self::Terms => "terms",
            Self::Email => "email",
            Self::EmailLink => "email_link",
            Self::EmailUpdate => "email_update",
            Self::OtpMethod => "otp_method",
            Self::Password => "password",
            Self::FirstLoginCompleted => "first_login_completed",
            Self::LogOut => "log_out",
            Self::SignInAgain => "sign_in_again",
            Self::Otp => "otp",
            Self::Completed => "completed",
        }
    }
}
