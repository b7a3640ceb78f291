"""Airflow reads this DAG file: one set of DAGs per file in use_cases/."""

from mlops_airflow.use_case_dags import use_case_dags

globals().update(use_case_dags())
