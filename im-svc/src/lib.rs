//! Librarian to librarian: private conversations outside any patron's session.
