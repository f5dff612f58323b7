//! What is true of every PostgreSQL cluster.
