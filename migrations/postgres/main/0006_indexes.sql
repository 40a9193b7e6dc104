-- Look-ups that would else read a whole table: budgets of addresses at every sign-in, and what is forgotten by its age.
CREATE INDEX mail_requests_by_contact ON mail_requests (contact_id);
CREATE INDEX waits_by_time ON waits (tried_at);
CREATE INDEX failing_by_time ON failing (failed_at);
CREATE INDEX known_browsers_by_time ON known_browsers (succeeded_at);
