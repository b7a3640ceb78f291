"""Airflow reads this DAG file: one daily DAG that finds what events missed, for all use cases."""

from mlops_airflow.reconcile_dag import reconcile_dag

dag = reconcile_dag()
globals()[dag.dag_id] = dag
