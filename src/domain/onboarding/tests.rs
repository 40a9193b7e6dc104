//! The rules of the onboarding, shown by given events, a command and what follows.
