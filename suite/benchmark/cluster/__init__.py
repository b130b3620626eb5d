"""Runs played by the workers of a dask scheduler, which share no folder with whoever asks for them.

``client`` gives out the runs and stores what comes back, each as a ``packed_run``; ``worker`` plays them in its
``scratch`` folder. Before that, each worker says ``hello`` and gets the ``learner_folder``; the ``worker_list``
says who may play.
"""
