import Sandbox

Stage.run()
